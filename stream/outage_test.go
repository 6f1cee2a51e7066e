package stream

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestStayAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = time.Minute
		var a answers
		ctx, cancel := context.WithCancel(t.Context())
		began, ended := time.Now(), make(chan bool, 2)
		go func() { ended <- a.stayAway(ctx, limit) }()
		for range 5 { // answers that come now and then
			time.Sleep(limit - 5*time.Second)
			a.OnBrokerRead(kgo.BrokerMetadata{}, 0, 1, 0, 0, nil)
		}
		heard := time.Now()
		time.Sleep(limit / 2)
		a.OnBrokerRead(kgo.BrokerMetadata{}, 0, 0, 0, 0, errors.New("no answer"))
		if !<-ended {
			t.Error("it did not end by itself")
		}
		if away := time.Since(heard); away < limit-limit/20 || away > limit+limit/20 {
			t.Errorf("away for %s, and %s in all, want %s", away, time.Since(began), limit)
		}
		go func() { ended <- a.stayAway(ctx, limit) }()
		time.Sleep(limit / 2)
		cancel()
		if <-ended {
			t.Error("brokers are away although the app was stopped")
		}
	})
}
