package gateway

import (
	"sync"

	"go.uber.org/zap"
)

// fieldLists lends lists of log fields to the requests of one gateway.
type fieldLists struct{ pool sync.Pool }

func (l *fieldLists) get() []zap.Field {
	if f, ok := l.pool.Get().(*[]zap.Field); ok {
		return *f
	}
	return make([]zap.Field, 0, 24)
}

func (l *fieldLists) put(fields []zap.Field) {
	clear(fields)
	fields = fields[:0]
	l.pool.Put(&fields)
}
