package process

// Guard is called at the very start of `holdfast run`.
func Guard() (code int, guarded bool) { return 0, false }
