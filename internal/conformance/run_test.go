package conformance

import (
	"errors"
	"fmt"

	"github.com/ottla-streams/ottla/internal/runtime/drive"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/topology"
)

// runCase builds the topology of a case, feeds it the events and returns what
// it did. The error is a notExpressed. configure changes how the topology is
// driven and may be nil.
func runCase(c *Case, configure func(*drive.Config)) (*Run, error) {
	x, top, err := interpret(c)
	var no notExpressed
	if errors.As(err, &no) {
		return nil, no
	}
	if err != nil {
		x.run.Error = &RunError{Phase: PhaseBuild, Err: err}
		return x.run, nil
	}
	x.run.Describe = top.Describe()
	x.structure(top.Graph())
	config := x.driveConfig(top)
	if configure != nil {
		configure(&config)
	}
	d, err := drive.New(config)
	if err != nil {
		x.run.Error = &RunError{Phase: PhaseStart, Err: err}
		return x.run, nil
	}
	for i := range c.Events {
		x.event = i
		err := x.feed(d, &c.Events[i])
		for _, r := range d.Produced() {
			x.run.Produced(i, Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Time: r.Time, Headers: fromHeaders(r.Headers)})
		}
		if err != nil {
			x.run.Error = &RunError{Phase: PhaseEvent, Event: i, Err: err}
			return x.run, d.Close(false)
		}
	}
	x.run.Dropped = d.Dropped()
	if err := x.dumpStores(d, top.Graph()); err != nil {
		return nil, err
	}
	return x.run, d.Close(true)
}

func (x *interpreter) feed(d *drive.Driver, e *Event) error {
	if e.AdvanceWallClockMS != nil {
		return d.AdvanceWall(*e.AdvanceWallClockMS)
	}
	r, err := e.Record(x.types.Topic(e.Topic))
	if err != nil {
		return fmt.Errorf("event of topic %s: %w", e.Topic, err)
	}
	return d.Send(drive.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Time: r.Time, Headers: toHeaders(r.Headers)})
}

func (x *interpreter) driveConfig(top *topology.Topology) drive.Config {
	c := &x.c.Config
	skip := task.Skip
	if c.DeadLetterTopic != "" {
		skip = task.DeadLetter
	}
	return drive.Config{
		Topology: top.Graph(), App: AppID, CacheBytes: int(c.CacheMaxBytes),
		EmitMillis: max(c.OuterJoinEmitInterval, c.WindowedEmitInterval),
		GoesOn:     c.OnProcessingFail == "continue", DeadLetter: c.DeadLetterTopic,
		OnError: func(f *task.Failure) task.Verdict {
			switch {
			case f.Stage == task.Decode && c.OnDeserializationFail == "continue",
				f.Stage == task.Processing && c.OnProcessingFail == "continue":
				return skip
			}
			return task.Fail
		},
	}
}
