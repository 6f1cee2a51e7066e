package table

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/topology"
)

// Context is what [KTable.TransformValues] works with: stores are opened by
// their handles, counts.In(ctx). It is also a context.Context, done when the app
// stops. It belongs to the task's goroutine.
type Context struct {
	context.Context
	binder *graph.Binder
	node   *graph.Node
	read   bool  // a row is read rather than updated
	at     int64 // of the row
}

// Time returns the time of the update or, where a row is read, of the row. It
// is the zero Time for a row that is not there.
func (c *Context) Time() time.Time {
	if c.at < 0 {
		return time.Time{}
	}
	return time.UnixMilli(c.at)
}

// Headers returns those of the record in work, none where a row is read.
func (c *Context) Headers() topology.Headers {
	if c.read {
		return nil
	}
	return c.binder.Instance.Meta().Headers
}

// Origin returns where the record in work was read. ok is false where a row is
// read. What a cache held comes from the last record of it.
func (c *Context) Origin() (o topology.Origin, ok bool) {
	from := c.binder.Instance.Meta().Origin
	if c.read || from == nil {
		return topology.Origin{}, false
	}
	return topology.Origin{Topic: from.Topic, Partition: from.Partition, Offset: from.Offset}, true
}

// Task returns the id of the task.
func (c *Context) Task() topology.TaskID { return topology.TaskID(c.binder.Instance.ID()) }

// Logger returns the app's logger with the task and the node.
func (c *Context) Logger() *slog.Logger {
	return c.binder.Instance.Logger().With("node", c.node.Name)
}

// StateStore returns the store of a name, as the handles' In does with types.
// The operator has to be given the handle, unless the store is global, which is
// read-only.
func (c *Context) StateStore(name string) (any, error) {
	st := c.node.Reach(name)
	if st == nil {
		return nil, fmt.Errorf("store %s: not connected to node %s (%s at %s): give its handle to the call", name, c.node.Name, c.node.Op, c.node.Place)
	}
	v, err := c.binder.Store(st)
	if err != nil || !st.Global {
		return v, err
	}
	if r, ok := v.(interface{ ReadOnly() any }); ok {
		v = r.ReadOnly()
	}
	return v, nil
}
