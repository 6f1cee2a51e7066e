package registry

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/sr"
)

// ByID returns the schema with the id, from the cache if it was asked for
// before. An unknown id is ErrUnknown; what was refused isn't asked for again for 5 s.
func (r *Registry) ByID(ctx context.Context, id int32) (*Schema, error) {
	if s, ok := r.core.byID.hit(id); ok {
		return s, nil
	}
	op := fmt.Sprintf("schema id %d", id)
	if id < 0 {
		return nil, &Error{Op: op, kind: ErrUnknown}
	}
	return r.core.byID.get(ctx, id, func(ctx context.Context) (*Schema, error) {
		var got sr.Schema
		err := r.core.try(ctx, op, func(ctx context.Context, cl *sr.Client) (err error) {
			got, err = cl.SchemaByID(ctx, int(id))
			return err
		})
		if err != nil {
			return nil, err
		}
		return r.core.resolve(ctx, op, sr.SubjectSchema{ID: int(id), Schema: got})
	})
}

// ByGUID is ByID for the ids that headers carry. It needs a registry that has
// them: Confluent Platform 8.1, franz-go's srfake.
func (r *Registry) ByGUID(ctx context.Context, guid GUID) (*Schema, error) {
	return r.core.byGUID.get(ctx, guid, func(ctx context.Context) (*Schema, error) {
		op := "schema guid " + guid.String()
		var got sr.SubjectSchema
		err := r.core.try(ctx, op, func(ctx context.Context, cl *sr.Client) (err error) {
			got, err = cl.SchemaByGUID(ctx, guid.String())
			return err
		})
		if err != nil {
			return nil, err
		}
		got.GUID = guid.String()
		return r.core.resolve(ctx, op, got)
	})
}

// Latest returns the newest schema of the subject at the time of the first
// call: it is cached until the program ends.
func (r *Registry) Latest(ctx context.Context, subject string) (*Schema, error) {
	return r.core.latest.get(ctx, subject, func(ctx context.Context) (*Schema, error) {
		return r.core.fetchVersion(ctx, version{subject, -1})
	})
}

func (o *core) fetchVersion(ctx context.Context, v version) (*Schema, error) {
	got, op, err := o.askVersion(ctx, v)
	if err != nil {
		return nil, err
	}
	return o.resolve(ctx, op, got)
}

func (o *core) askVersion(ctx context.Context, v version) (got sr.SubjectSchema, op string, err error) {
	op = fmt.Sprintf("subject %q version %d", v.subject, v.number)
	if v.number < 0 {
		op = fmt.Sprintf("subject %q", v.subject)
	}
	err = o.try(ctx, op, func(ctx context.Context, cl *sr.Client) (err error) {
		got, err = cl.SchemaByVersion(ctx, v.subject, v.number)
		return err
	})
	return got, op, err
}

// resolving is the fetching of all that one schema refers to.
type resolving struct {
	*core
	op    string
	left  int       // bytes
	found int       // references
	path  []version // from the first schema to the current one
	done  map[version]*Schema
}

// resolve returns the schema with all that it refers to.
func (o *core) resolve(ctx context.Context, op string, got sr.SubjectSchema) (*Schema, error) {
	r := &resolving{core: o, op: op, left: 4 * o.max, done: make(map[version]*Schema)}
	if got.Subject != "" && got.Version > 0 {
		r.path = append(r.path, version{got.Subject, got.Version})
	}
	return r.schema(ctx, got)
}

func (r *resolving) schema(ctx context.Context, got sr.SubjectSchema) (*Schema, error) {
	r.left -= len(got.Schema.Schema)
	if len(got.Schema.Schema) > r.max || r.left < 0 {
		return nil, r.bad(ErrTooLarge, "at most %d bytes, and %d with all that it refers to", r.max, 4*r.max)
	}
	guid, err := parseGUID(got.GUID)
	if err != nil {
		return nil, r.bad(ErrInvalid, "%v", err)
	}
	s := &Schema{
		ID: int32(got.ID), GUID: guid, Subject: got.Subject, Version: got.Version,
		Type: got.Type, Text: got.Schema.Schema,
	}
	for _, ref := range got.References {
		needed, err := r.reference(ctx, version{ref.Subject, ref.Version})
		if err != nil {
			return nil, err
		}
		s.References = append(s.References, Reference{ref.Name, needed})
	}
	return s, nil
}

func (r *resolving) reference(ctx context.Context, v version) (*Schema, error) {
	if s, ok := r.done[v]; ok {
		return s, nil
	}
	r.found++
	switch {
	case v.number < 1:
		return nil, r.bad(ErrReferences, "subject %q has no version %d", v.subject, v.number)
	case slices.Contains(r.path, v):
		return nil, r.bad(ErrReferences, "subject %q version %d refers to itself", v.subject, v.number)
	case len(r.path) >= maxDepth:
		return nil, r.bad(ErrReferences, "more than %d schemas deep", maxDepth)
	case r.found > maxReferences:
		return nil, r.bad(ErrReferences, "more than %d schemas", maxReferences)
	}
	got, _, err := r.askVersion(ctx, v)
	if err != nil {
		return nil, err
	}
	r.path = append(r.path, v)
	s, err := r.schema(ctx, got)
	r.path = r.path[:len(r.path)-1]
	if err == nil {
		r.done[v] = s
	}
	return s, err
}

func (r *resolving) bad(kind error, format string, args ...any) error {
	return &Error{Op: r.op, kind: kind, Reason: fmt.Sprintf(format, args...)}
}
