package client

import (
	"reflect"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Hooks returns the hooks of a client that are of a kind, for whoever does what
// the client's own producer or consumer would tell them of.
func Hooks[H any](cl *kgo.Client) (want []H) {
	hooks := reflect.ValueOf(cl.OptValue(kgo.WithHooks))
	if hooks.Kind() != reflect.Slice {
		return nil
	}
	for i := range hooks.Len() {
		if h, ok := hooks.Index(i).Interface().(H); ok {
			want = append(want, h)
		}
	}
	return want
}

// Met is a broker of an answer to a metadata request, as hooks are told of it.
func Met(b *kmsg.MetadataResponseBroker) kgo.BrokerMetadata {
	return kgo.BrokerMetadata{NodeID: b.NodeID, Port: b.Port, Host: b.Host, Rack: b.Rack}
}
