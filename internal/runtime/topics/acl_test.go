package topics

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"
)

// rights are those of the least-privilege list but for what is left out.
func rights(without string) []kfake.ACL {
	var acls []kfake.ACL
	add := func(id, name string, pattern kmsg.ACLResourcePatternType, op kmsg.ACLOperation) {
		if id != without {
			acls = append(acls, kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: name, Pattern: pattern, Operation: op, Allow: true})
		}
	}
	const literal, prefix = kmsg.ACLResourcePatternTypeLiteral, kmsg.ACLResourcePatternTypePrefixed
	add("read in", "in", literal, kmsg.ACLOperationRead)
	add("read rows", "rows", literal, kmsg.ACLOperationRead)
	add("write totals", "totals", literal, kmsg.ACLOperationWrite)
	add("create", "app-", prefix, kmsg.ACLOperationCreate)
	add("read", "app-", prefix, kmsg.ACLOperationRead)
	add("write", "app-", prefix, kmsg.ACLOperationWrite)
	add("delete", "app-", prefix, kmsg.ACLOperationDelete)
	return acls
}

func TestRights(t *testing.T) {
	tests := []struct {
		without string
		want    string // part of the error of Ensure, "" for none
		purge   string // likewise of Purge
	}{
		{"", "", ""},
		{"read in", "topic in: the app's user may not DESCRIBE it: ", ""},
		{"write totals", "", ""}, // logged only
		{"create", "topic app-words-repartition: the app's user may not CREATE it: ", ""},
		{"delete", "", "topic app-words-repartition: the app's user may not DELETE it: "},
	}
	for _, tt := range tests {
		t.Run("without "+tt.without, func(t *testing.T) {
			c := cluster(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.SeedTopics(1, "totals"),
				kfake.User("PLAIN", "app", "secret", rights(tt.without)...))
			adm := admin(t, c.ListenAddrs(), kgo.SASL(plain.Auth{User: "app", Pass: "secret"}.AsMechanism()))
			cfg := config(t)
			_, err := Ensure(t.Context(), adm, cfg)
			checkDenied(t, err, tt.want)
			if tt.want != "" {
				return
			}
			committed := make(kadm.Offsets)
			committed.Add(kadm.Offset{Topic: "app-words-repartition", Partition: 0, At: 1})
			checkDenied(t, Purge(t.Context(), adm, cfg.Topology, "app", committed), tt.purge)
		})
	}
}

func checkDenied(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if _, ok := errors.AsType[*AuthorizationError](err); !ok || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want %s", err, want)
	}
}

func TestTransient(t *testing.T) {
	tests := []struct {
		err  error
		want bool
	}{
		{kerr.SaslAuthenticationFailed, false},
		{kerr.TopicAuthorizationFailed, false},
		{kerr.NotController, true},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		{&net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}, false},
		{&net.OpError{Op: "dial", Err: &net.DNSError{IsTemporary: true}}, true},
		{io.ErrUnexpectedEOF, true},
		{x509.UnknownAuthorityError{}, false},
		{kgo.ErrClientClosed, false},
	}
	for _, tt := range tests {
		if got := transient(fmt.Errorf("topics: %w", tt.err)); got != tt.want {
			t.Errorf("%v: transient %v, want %v", tt.err, got, tt.want)
		}
	}
}
