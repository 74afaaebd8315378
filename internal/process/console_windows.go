package process

import "errors"

func SendConsoleEvent(int, string) error { return errors.New("console events exist on Windows only") }
