package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/sr"
)

// Register puts the definition and its imports under the subject, unless it is
// there already, and returns the schema with its id.
func (r *Registry) Register(ctx context.Context, subject string, d Definition) (*Schema, error) {
	return r.core.write(ctx, writing{subject, d.key(), false}, d)
}

// Lookup returns the definition as the subject has it. If it has not, the
// error is ErrUnknown.
func (r *Registry) Lookup(ctx context.Context, subject string, d Definition) (*Schema, error) {
	return r.core.write(ctx, writing{subject, d.key(), true}, d)
}

func (o *core) write(ctx context.Context, w writing, d Definition) (*Schema, error) {
	if err := d.check(nil); err != nil {
		return nil, err
	}
	return o.written.get(ctx, w, func(ctx context.Context) (*Schema, error) {
		s, err := o.put(ctx, w.subject, d, w.lookup)
		if err != nil {
			return nil, err
		}
		return s, nil
	})
}

// check limits the depth: a definition can't be a circle, but very deep.
func (d Definition) check(path []string) error {
	if len(path) > maxDepth {
		return &Error{Op: "schema to write", kind: ErrReferences, Reason: fmt.Sprintf("imports more than %d deep", maxDepth)}
	}
	for _, i := range d.Imports {
		if err := i.Definition.check(append(path, i.Name)); err != nil {
			return err
		}
	}
	return nil
}

// put registers or looks up what d imports and then d itself.
func (o *core) put(ctx context.Context, subject string, d Definition, lookup bool) (*Schema, error) {
	op := fmt.Sprintf("subject %q", subject)
	out := sr.Schema{Schema: d.Text, Type: d.Type, References: append([]sr.SchemaReference(nil), d.References...)}
	s := &Schema{Subject: subject, Type: d.Type, Text: d.Text}
	for _, i := range d.Imports {
		needed, err := o.write(ctx, writing{i.Name, i.Definition.key(), lookup}, i.Definition)
		if err != nil {
			return nil, err
		}
		if needed.Version == 0 {
			if needed, err = o.write(ctx, writing{i.Name, i.Definition.key(), true}, i.Definition); err != nil {
				return nil, err
			}
		}
		out.References = append(out.References, sr.SchemaReference{Name: i.Name, Subject: i.Name, Version: needed.Version})
		s.References = append(s.References, Reference{i.Name, needed})
	}
	err := o.try(ctx, op, func(ctx context.Context, cl *sr.Client) error {
		if !lookup {
			id, err := cl.RegisterSchema(ctx, subject, out, -1, -1)
			s.ID = int32(id)
			return err
		}
		got, err := cl.LookupSchema(ctx, subject, out)
		if err != nil {
			return err
		}
		s.ID, s.Version = int32(got.ID), got.Version
		s.GUID, err = parseGUID(got.GUID)
		return err
	})
	if errors.Is(err, ErrUnknown) && lookup {
		e, _ := errors.AsType[*Error](err)
		known := *e
		known.Reason = "the subject doesn't have the schema to write: register it first, or let the serde register it"
		return nil, &known
	}
	return s, err
}
