package client

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// quiet is how long the same message is held back after it was logged.
const quiet = 5 * time.Second

// clientLog hands a client's own messages to slog. What the client finds
// worth informing of is debug to us. A warning that repeats, as it does while
// a broker is away, is logged every few seconds only.
type clientLog struct {
	to *slog.Logger

	mu   sync.Mutex
	last map[string]time.Time
}

func newLog(to *slog.Logger) *clientLog {
	return &clientLog{to: to, last: make(map[string]time.Time)}
}

// Level implements kgo.Logger.
func (l *clientLog) Level() kgo.LogLevel {
	if l.to.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelWarn
}

// Log implements kgo.Logger.
func (l *clientLog) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	at := slog.LevelDebug
	if level == kgo.LogLevelError || level == kgo.LogLevelWarn {
		if !l.due(msg) {
			return
		}
		at = slog.LevelWarn
	}
	l.to.Log(context.Background(), at, "kafka client: "+msg, keyvals...)
}

func (l *clientLog) due(msg string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Sub(l.last[msg]) < quiet {
		return false
	}
	if len(l.last) > 1000 {
		clear(l.last)
	}
	l.last[msg] = now
	return true
}
