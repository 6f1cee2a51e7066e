package group

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/runtime/assign"
)

func id(sub, partition int32) assign.TaskID {
	return assign.TaskID{Subtopology: sub, Partition: partition}
}

var fullSubscription = Subscription{
	Process:         [16]byte{1, 2, 3, 15: 16},
	Instance:        "shop-1",
	Endpoint:        "host:80",
	Tags:            map[string]string{"zone": "a", "rack": "7"},
	Active:          []assign.TaskID{id(0, 0), id(0, 300), id(2, 1)},
	Standby:         []assign.TaskID{id(1, 1)},
	Warmup:          []assign.TaskID{id(1, 2)},
	Offsets:         map[assign.TaskID]int64{id(0, 0): assign.OffsetActive, id(1, 1): 77, id(1, 2): assign.OffsetUnknown},
	TransactionalID: "shop-x-1",
	Topology:        0x0102030405060708,
	Shutdown:        true,
}

var fullAssignment = Assignment{
	Active:   []assign.TaskID{id(0, 0), id(0, 1), id(3, 9)},
	Standby:  []assign.TaskID{id(0, 2)},
	Warmup:   []assign.TaskID{id(1, 0)},
	Error:    ErrorCopartition,
	Detail:   "topics a and b",
	FollowUp: 90 * time.Second,
	Hosts: []Host{
		{Endpoint: "a:1", Active: []assign.TaskID{id(0, 0)}, Standby: []assign.TaskID{id(0, 1)}},
		{Endpoint: "b:2"},
	},
	Members:  []string{"t-1", "t-2"},
	Vanished: []string{"t-3"},
	Awaits:   true,
}

// TestFormat keeps the bytes of version 2: members of different builds read each other.
func TestFormat(t *testing.T) {
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{"subscription", fullSubscription.Encode(), "00020001" + "01020300000000000000000000000010" +
			"0673686f702d31" + "07686f73743a3830" + "02" + "047261636b" + "0137" + "047a6f6e65" + "0161" +
			"02" + "000200ac02" + "020101" + "01" + "010101" + "01" + "010102" +
			"02" + "00010003" + "0102" + "019a01" + "0105" + "0873686f702d782d31" + "0102030405060708" + "01"},
		{"assignment", fullAssignment.Encode(), "00020001" + "02" + "00020001" + "030109" + "01" + "000102" + "01" + "010100" +
			"02" + "0e746f7069637320612061" + "6e642062" + "90bf05" + "02" + "03613a31" + "01000100" + "01000101" +
			"03623a32" + "00" + "00" + "02" + "03742d31" + "03742d32" + "01" + "03742d33" + "01"},
		{"empty subscription", Subscription{}.Encode(), "00020001" + strings.Repeat("00", 16+2+1+4+1+8+1)},
		{"empty assignment", Assignment{}.Encode(), "00020001" + strings.Repeat("00", 3+1+1+1+1+2+1)},
	}
	for _, test := range tests {
		if got := hex.EncodeToString(test.got); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

// TestFormat1 reads an assignment of version 1, which lacked the last field.
func TestFormat1(t *testing.T) {
	old := fullAssignment.Encode()
	old = old[:len(old)-1]
	old[1] = 1
	want := fullAssignment
	want.Awaits = false
	if got, err := DecodeAssignment(old); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, s := range []Subscription{{}, fullSubscription} {
		if got, err := DecodeSubscription(s.Encode()); err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("subscription: %+v, %v", got, err)
		}
	}
	for _, a := range []Assignment{{}, fullAssignment} {
		if got, err := DecodeAssignment(a.Encode()); err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("assignment: %+v, %v", got, err)
		}
	}
	unsorted := Assignment{Active: []assign.TaskID{id(1, 0), id(0, 1), id(1, 0), id(0, 0)}}
	want := []assign.TaskID{id(0, 0), id(0, 1), id(1, 0)}
	if got, err := DecodeAssignment(unsorted.Encode()); err != nil || !reflect.DeepEqual(got.Active, want) {
		t.Errorf("unsorted tasks: %v, %v, want %v", got.Active, err, want)
	}
}

func TestCutOff(t *testing.T) {
	sub, a := fullSubscription.Encode(), fullAssignment.Encode()
	for n := range len(sub) {
		if _, err := DecodeSubscription(sub[:n]); err == nil {
			t.Errorf("subscription cut off after %d of %d bytes is read", n, len(sub))
		}
	}
	for n := range len(a) {
		if _, err := DecodeAssignment(a[:n]); err == nil {
			t.Errorf("assignment cut off after %d of %d bytes is read", n, len(a))
		}
	}
}

func TestVersions(t *testing.T) {
	later := append(fullSubscription.Encode(), "new field"...)
	later[1] = 9
	if got, err := DecodeSubscription(later); err != nil || !reflect.DeepEqual(got, fullSubscription) {
		t.Errorf("a later version that only adds: %+v, %v", got, err)
	}
	later[3] = formatVersion + 1
	if _, err := DecodeSubscription(later); !errors.Is(err, ErrVersion) {
		t.Errorf("a later version that breaks: %v, want ErrVersion", err)
	}
	for _, header := range []string{"\x00\x00\x00\x00", "\x00\x01\x00\x00", "\x00\x01\x00\x02"} {
		damaged := append([]byte(header), fullAssignment.Encode()[4:]...)
		if _, err := DecodeAssignment(damaged); err == nil {
			t.Errorf("header %x is taken", header)
		}
	}
}

func TestImpossibleSizes(t *testing.T) {
	huge := "ffffffffffffffffff01"
	for name, body := range map[string]string{
		"groups of tasks":    huge,
		"tasks in a group":   "01" + "00" + huge,
		"sub-topology":       "01" + "ffffffff0f" + "0100",
		"partition":          "01" + "00" + "01" + "ffffffff0f",
		"sum of partitions":  "01" + "00" + "02" + "ffffffff07" + "01",
		"same partition":     "01" + "00" + "02" + "01" + "00",
		"order of groups":    "02" + "010100" + "000100",
		"detail":             "000000" + "00" + huge,
		"hosts":              "000000" + "00" + "00" + "00" + huge,
		"length of an entry": "000000" + "00" + "00" + "00" + "00" + "01" + huge,
	} {
		data, err := hex.DecodeString("00020001" + body + strings.Repeat("00", 8))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeAssignment(data); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}

func FuzzDecodeSubscription(f *testing.F) {
	f.Add(fullSubscription.Encode())
	f.Add(Subscription{}.Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := DecodeSubscription(data)
		if err != nil {
			return
		}
		b := s.Encode()
		again, err := DecodeSubscription(b)
		if err != nil || !bytes.Equal(b, again.Encode()) {
			t.Errorf("%x is read as %+v and again as %+v, %v", data, s, again, err)
		}
	})
}

func FuzzDecodeAssignment(f *testing.F) {
	f.Add(fullAssignment.Encode())
	f.Add(Assignment{}.Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := DecodeAssignment(data)
		if err != nil {
			return
		}
		again, err := DecodeAssignment(a.Encode())
		if err != nil || !reflect.DeepEqual(a, again) {
			t.Errorf("%x is read as %+v and again as %+v, %v", data, a, again, err)
		}
	})
}
