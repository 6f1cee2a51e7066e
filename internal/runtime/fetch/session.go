package fetch

import (
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/offsets"
)

// session is what a broker remembers of the last requests, so that the next one
// tells only what has changed (KIP-227). Its zero value begins another one.
type session struct {
	id, epoch int32
	has       map[offsets.Partition]ask
	none      bool // the broker refuses them
}

// reset begins another one, and lets the broker give up this one.
func (s *session) reset() { *s = session{id: s.id, none: s.none} }

// byName is a request that names its topics: a broker with an old protocol among
// its own kind tells no ids, even if it knows of requests with ids.
type byName struct{ *kmsg.FetchRequest }

// MaxVersion is the last that has names.
func (byName) MaxVersion() int16 { return 12 }

// request asks a broker for partitions. It is called with the lock held.
func (f *Fetcher) request(b *broker, parts []*partition, rests bool) kmsg.Request {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MinBytes, req.MaxBytes, req.Rack = -1, 1, f.c.AnswerBytes, f.rack
	req.MaxWaitMillis = int32(f.c.Wait.Milliseconds())
	if rests {
		req.MaxWaitMillis = min(req.MaxWaitMillis, int32(shortWait.Milliseconds()))
	}
	if f.c.Committed {
		req.IsolationLevel = 1
	}
	s := &b.session
	if s.has == nil {
		s.has = make(map[offsets.Partition]ask, len(parts))
	}
	f.forget(b, req)
	at := make(map[string]int)
	named := false
	for i := range parts {
		p := parts[(i+b.turn)%len(parts)]
		named = named || p.id == noID
		if had, ok := s.has[p.Partition]; ok && had.next == p.ask.next && had.leaderEpoch == p.ask.leaderEpoch && had.id == p.ask.id {
			continue
		}
		s.has[p.Partition] = p.ask
		n, ok := at[p.Topic]
		if !ok {
			n = len(req.Topics)
			at[p.Topic] = n
			t := kmsg.NewFetchRequestTopic()
			t.Topic, t.TopicID = p.Topic, p.id
			req.Topics = append(req.Topics, t)
		}
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.FetchOffset, rp.CurrentLeaderEpoch, rp.PartitionMaxBytes = p.Num, p.next, p.leaderEpoch, f.c.PartitionBytes
		req.Topics[n].Partitions = append(req.Topics[n].Partitions, rp)
	}
	req.SessionID, req.SessionEpoch = s.id, s.epoch
	if s.none {
		req.SessionEpoch = -1
	}
	if named {
		return byName{req}
	}
	return req
}

// forget tells the broker what it is not asked for any more. A session that knows
// a topic by another id begins anew. So does one with a partition that was moved:
// as long as nothing happens there the broker would not tell its end again.
func (f *Fetcher) forget(b *broker, req *kmsg.FetchRequest) {
	s := &b.session
	at := make(map[string]int)
	for k, had := range s.has {
		p := f.parts[k]
		if p != nil && p.asked == b && p.ask.id == had.id && p.ask.round == had.round {
			continue
		}
		if p != nil && p.asked == b {
			s.reset()
			s.has = make(map[offsets.Partition]ask)
			req.ForgottenTopics = nil
			return
		}
		delete(s.has, k)
		n, ok := at[k.Topic]
		if !ok {
			n = len(req.ForgottenTopics)
			at[k.Topic] = n
			t := kmsg.NewFetchRequestForgottenTopic()
			t.Topic, t.TopicID = k.Topic, had.id
			req.ForgottenTopics = append(req.ForgottenTopics, t)
		}
		req.ForgottenTopics[n].Partitions = append(req.ForgottenTopics[n].Partitions, k.Num)
	}
}

// answered goes on with the session, or without one if the broker has none for us.
func (s *session) answered(resp *kmsg.FetchResponse) {
	switch {
	case resp.SessionID == 0:
		*s = session{none: s.none}
	case resp.SessionID != s.id:
		s.id, s.epoch = resp.SessionID, 1
	case s.epoch == math.MaxInt32:
		s.epoch = 1
	default:
		s.epoch++
	}
}
