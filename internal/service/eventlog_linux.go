package service

// OpenEventLog gives an EventLog that keeps nothing.
func OpenEventLog(Identity) (EventLog, error) { return noEventLog{}, nil }

type noEventLog struct{}

func (noEventLog) Write(Level, uint32, string) error { return nil }
func (noEventLog) Close() error                      { return nil }
