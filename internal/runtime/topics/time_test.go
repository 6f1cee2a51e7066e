package topics

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What the user says of the limits of times stays.
func TestWithAnyTime(t *testing.T) {
	for _, own := range []string{"message.timestamp.after.max.ms", "message.timestamp.difference.max.ms"} {
		if got := withAnyTime(map[string]string{own: "5"}); len(got) != 1 || got[own] != "5" {
			t.Errorf("%s: settings are %v", own, got)
		}
	}
	given := map[string]string{"retention.ms": "-1"}
	if got := withAnyTime(given); got["retention.ms"] != "-1" || got[aheadLimit] != "9223372036854775807" || len(given) != 1 {
		t.Errorf("settings are %v, given were %v", got, given)
	}
}

// Brokers that don't know the limit have none, and are not told of it.
func TestEnsureOldBroker(t *testing.T) {
	c := cluster(t)
	c.ControlKey(int16(kmsg.CreateTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		r := req.(*kmsg.CreateTopicsRequest)
		if !slices.ContainsFunc(r.Topics[0].Configs, func(c kmsg.CreateTopicsRequestTopicConfig) bool { return c.Name == aheadLimit }) {
			return nil, nil, false
		}
		resp := r.ResponseKind().(*kmsg.CreateTopicsResponse)
		rt := kmsg.NewCreateTopicsResponseTopic()
		rt.Topic, rt.ErrorCode = r.Topics[0].Topic, kerr.InvalidConfig.Code
		resp.Topics = append(resp.Topics, rt)
		return resp, nil, true
	})
	l, err := Ensure(t.Context(), admin(t, c.ListenAddrs()), config(t))
	if err != nil || !slices.Equal(l.Created, madeByWordcount) {
		t.Errorf("layout %+v, %v", l, err)
	}
}
