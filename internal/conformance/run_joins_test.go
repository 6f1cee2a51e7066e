package conformance

import (
	"encoding/binary"

	"github.com/ottla-streams/ottla/serde"
)

type (
	// joinDumper is the window of a joined stream, of whatever types.
	joinDumper interface {
		Dump(yield func(k, v any, at int64, seq uint32, h serde.Headers) bool) error
	}
	// sharedDumper is the records of joined streams without a match.
	sharedDumper interface {
		Dump(yield func(k, v any, isLeft bool, at int64) bool) error
	}
	// subscriptionDumper is the subscriptions of a foreign-key join.
	subscriptionDumper interface {
		Dump(yield func(key []byte, primaryKey any, instruction, version byte, partition int32, hash []byte, at int64) bool) error
	}
)

// dumpJoin writes the entries of a join window; timed says that Java's store
// keeps timestamps beside the windows.
func dumpJoin(st joinDumper, timed bool) (Store, error) {
	out := Store{Kind: KindWindow}
	err := st.Dump(func(k, v any, at int64, _ uint32, h serde.Headers) bool {
		e := Entry{Key: JSON(k), Value: JSON(v), Start: &at, Headers: fromHeaders(h)}
		if timed {
			e.Time = &at
		}
		out.Entries = append(out.Entries, e)
		return true
	})
	return out, err
}

func dumpShared(st sharedDumper) (Store, error) {
	out := Store{Kind: KindKeyValue}
	err := st.Dump(func(k, v any, isLeft bool, at int64) bool {
		side := "right"
		if isLeft {
			side = "left"
		}
		out.Entries = append(out.Entries, Entry{
			Key: JSON(map[string]any{"key": k, "ts": at, "side": side}), Value: JSON(map[string]any{side: v}),
		})
		return true
	})
	return out, err
}

var instructions = []string{
	"DELETE_KEY_NO_PROPAGATE", "DELETE_KEY_AND_PROPAGATE", "PROPAGATE_NULL_IF_NO_FK_VAL_AVAILABLE", "PROPAGATE_ONLY_IF_FK_VAL_AVAILABLE",
}

func dumpSubscriptions(st subscriptionDumper) (Store, error) {
	out := Store{Kind: KindKeyValue}
	err := st.Dump(func(key []byte, primaryKey any, instruction, version byte, partition int32, hash []byte, at int64) bool {
		v := map[string]any{
			"instruction": instructions[instruction], "primary_key": primaryKey, "version": int64(version), "primary_partition": nil, "hash": nil,
		}
		if version > 0 {
			v["primary_partition"] = int64(partition)
		}
		if hash != nil {
			v["hash"] = []any{int64(binary.BigEndian.Uint64(hash)), int64(binary.BigEndian.Uint64(hash[8:]))}
		}
		out.Entries = append(out.Entries, Entry{Key: JSON(key), Value: JSON(v), Time: &at})
		return true
	})
	return out, err
}
