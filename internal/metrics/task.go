package metrics

import "github.com/ottla-streams/ottla/internal/measure"

func (s scrape) task(t *measure.Task) {
	for _, st := range t.Stores {
		s.store(t, st)
	}
	s.engine(t)
	if t.Role != "active" {
		return
	}
	s.count(taskProcessed, t.Processed, t.ID)
	s.set(taskTime, t.Process.Seconds(), t.ID)
	s.count(taskPunctuations, t.Punctuations, t.ID)
	s.set(taskPunctuate, t.Punctuate.Seconds(), t.ID)
	for d, n := range t.Dropped {
		s.count(taskDropped, n, t.ID, d.Node, d.Why)
	}
	for f, n := range t.Failures {
		s.count(taskFailed, n, t.ID, f.Stage, f.Verdict)
	}
	if t.StreamTime >= 0 {
		s.set(taskStreamTime, float64(t.StreamTime)/1000, t.ID)
	}
	s.observe(taskLateness, &t.Lateness, milli, t.ID)
	s.nodes(t)
}

// nodes shows the inputs, outputs and nodes. A node with several topics has one
// latency.
func (s scrape) nodes(t *measure.Task) {
	ages := make(map[string]*measure.Histogram)
	age := func(node string, h *measure.Histogram) {
		sum := ages[node]
		if sum == nil {
			sum = new(measure.Histogram)
			ages[node] = sum
		}
		sum.Add(h)
	}
	for _, in := range t.Inputs {
		s.count(consumed, in.Records(), t.ID, in.Node, in.Topic)
		s.count(consumedBytes, in.Bytes, t.ID, in.Node, in.Topic)
		s.count(taskBuffered, in.Buffered, t.ID, in.Topic)
		s.count(taskBufferBytes, in.BufferedBytes, t.ID, in.Topic)
		if in.Lag >= 0 {
			s.count(taskLag, in.Lag, t.ID, in.Topic)
		}
		age(in.Node, &in.Latency)
	}
	for _, o := range t.Outputs {
		s.count(produced, o.Records(), t.ID, o.Node, o.Topic)
		s.count(producedBytes, o.Bytes, t.ID, o.Node, o.Topic)
		age(o.Node, &o.Latency)
	}
	for _, n := range t.Nodes {
		s.count(nodeRecords, n.Records, t.ID, n.Name)
		if n.Latency != nil && ages[n.Name] == nil {
			age(n.Name, n.Latency)
		}
	}
	for node, h := range ages {
		s.observe(latency, h, milli, t.ID, node)
	}
}

func (s scrape) store(t *measure.Task, st *measure.Store) {
	if t.Role != "active" {
		s.count(storeStandbyLag, st.Remaining, t.ID, st.Name, t.Role)
		return
	}
	s.count(storeEntries, st.Entries, t.ID, st.Name)
	s.count(storeBytes, st.Bytes, t.ID, st.Name)
	s.count(storeUncommitted, st.Uncommitted, t.ID, st.Name)
	s.count(storeScans, st.OpenScans, t.ID, st.Name)
	s.count(storeLogged, st.Logged, t.ID, st.Name)
	s.count(storeLoggedBytes, st.LoggedBytes, t.ID, st.Name)
	s.count(storeRestored, st.Restored, t.ID, st.Name)
	s.count(storeRemaining, st.Remaining, t.ID, st.Name)
	for _, o := range []struct {
		name string
		n    int64
	}{{"get", st.Gets}, {"put", st.Puts}, {"delete", st.Deletes}, {"range", st.Scans}, {"engine_get", st.EngineReads}} {
		s.count(storeOps, o.n, t.ID, st.Name, o.name)
	}
	s.observe(storeRead, &st.Read, micro, t.ID, st.Name)
	if st.Buffer {
		s.count(bufferRecords, st.BufferRecords, t.ID, st.Name)
		s.count(bufferBytes, st.BufferBytes, t.ID, st.Name)
		s.count(emits, st.Emits, t.ID, st.Name)
	}
	if st.Cached {
		s.count(cacheHits, st.Hits, t.ID, st.Name)
		s.count(cacheMisses, st.Misses, t.ID, st.Name)
		s.count(cacheBytes, st.CacheBytes, t.ID, st.Name)
	}
}

func (s scrape) engine(t *measure.Task) {
	e := &t.Engine
	if !e.Open {
		return
	}
	s.count(engineReaders, e.Readers, t.ID)
	if !e.Known {
		return
	}
	s.count(engineDisk, e.DiskBytes, t.ID)
	s.count(engineMemTable, e.MemTableBytes, t.ID)
	s.count(engineL0Files, e.L0Files, t.ID)
	s.count(engineL0Sublevels, e.L0Sublevels, t.ID)
	s.count(engineFlushes, e.Flushes, t.ID)
	s.count(engineCompactions, e.Compactions, t.ID)
}
