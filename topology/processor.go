package topology

import (
	"fmt"
	"reflect"
)

// Processor is what a user writes to work on records one at a time, with
// state, punctuations and any number of records forwarded. A task has one of
// its own, made by a supplier; it runs in the task's goroutine only.
//
// A Processor may also have Init (see [Initializer]) and Close() error. Close
// is called when the task closes; it can't forward any more.
//
// An error or a panic goes to the app's error policy, with the node and the
// place where it was built. (KIP-478)
type Processor[KIn, VIn, KOut, VOut any] interface {
	Process(ctx *Context[KOut, VOut], r Record[KIn, VIn]) error
}

// Initializer is implemented by a [Processor] that opens stores or schedules
// punctuations before its first record, when the stores are restored.
type Initializer[KOut, VOut any] interface {
	Init(ctx *Context[KOut, VOut]) error
}

// ValueProcessor is a Processor that can't change keys, so that nothing has to
// be repartitioned behind it. It may have Init (see [ValueInitializer]) and
// Close() error. (KIP-820)
type ValueProcessor[K, VIn, VOut any] interface {
	Process(ctx *ValueContext[K, VOut], r Record[K, VIn]) error
}

// ValueInitializer is implemented by a [ValueProcessor] as [Initializer] is by
// a [Processor].
type ValueInitializer[K, VOut any] interface {
	Init(ctx *ValueContext[K, VOut]) error
}

// ProcessorFunc is a Processor that is only a function. See [Func].
type ProcessorFunc[KIn, VIn, KOut, VOut any] func(ctx *Context[KOut, VOut], r Record[KIn, VIn]) error

// Process calls f.
func (f ProcessorFunc[KIn, VIn, KOut, VOut]) Process(ctx *Context[KOut, VOut], r Record[KIn, VIn]) error {
	return f(ctx, r)
}

// ValueProcessorFunc is a ValueProcessor that is only a function. See [ValueFunc].
type ValueProcessorFunc[K, VIn, VOut any] func(ctx *ValueContext[K, VOut], r Record[K, VIn]) error

// Process calls f.
func (f ValueProcessorFunc[K, VIn, VOut]) Process(ctx *ValueContext[K, VOut], r Record[K, VIn]) error {
	return f(ctx, r)
}

// Func returns the supplier of a Processor that is only a function. All tasks
// share f, so it must not keep anything between records: use stores, or a
// supplier of your own.
func Func[KIn, VIn, KOut, VOut any](f func(ctx *Context[KOut, VOut], r Record[KIn, VIn]) error) func() ProcessorFunc[KIn, VIn, KOut, VOut] {
	if f == nil {
		return nil
	}
	return func() ProcessorFunc[KIn, VIn, KOut, VOut] { return f }
}

// ValueFunc is Func for a ValueProcessor.
func ValueFunc[K, VIn, VOut any](f func(ctx *ValueContext[K, VOut], r Record[K, VIn]) error) func() ValueProcessorFunc[K, VIn, VOut] {
	if f == nil {
		return nil
	}
	return func() ValueProcessorFunc[K, VIn, VOut] { return f }
}

// isNil says whether p is nil, or an interface that holds nil.
func isNil(p any) bool {
	v := reflect.ValueOf(p)
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan, reflect.Slice:
		return v.IsNil()
	}
	return false
}

// checkSupplier says what is wrong with a supplier, or "". init is the
// interface of the optional Init.
func checkSupplier(supply func() any, init reflect.Type) (problem string) {
	defer func() {
		if r := recover(); r != nil {
			problem = fmt.Sprintf("the supplier panicked: %v", r)
		}
	}()
	first, second := supply(), supply()
	if isNil(first) || isNil(second) {
		return "the supplier returned nil"
	}
	t := reflect.TypeOf(first)
	if t.Kind() == reflect.Pointer && t.Elem().Size() > 0 && first == second {
		return fmt.Sprintf("the supplier returned the same %s twice: each task needs one of its own", t)
	}
	// A method of another type would silently never be called.
	if m, ok := t.MethodByName("Init"); ok && !t.Implements(init) {
		return fmt.Sprintf("Init of %s is %s: it needs to be %s", t, signature(m), init.Method(0).Type)
	}
	if m, ok := t.MethodByName("Close"); ok && !t.Implements(closerType) {
		return fmt.Sprintf("Close of %s is %s: it needs to be %s", t, signature(m), closerType.Method(0).Type)
	}
	return ""
}

// closer is implemented by processors that have something to close.
type closer interface{ Close() error }

var closerType = reflect.TypeFor[closer]()

// signature is the type of a method without its receiver.
func signature(m reflect.Method) reflect.Type {
	var in, out []reflect.Type
	for i := 1; i < m.Type.NumIn(); i++ {
		in = append(in, m.Type.In(i))
	}
	for i := range m.Type.NumOut() {
		out = append(out, m.Type.Out(i))
	}
	return reflect.FuncOf(in, out, m.Type.IsVariadic())
}
