package protobuf

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/ottla-streams/ottla/serde/registry"
)

// define returns the file as the registry takes it.
func define(f protoreflect.FileDescriptor) (registry.Definition, error) {
	d := registry.Definition{Type: registry.Protobuf}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(protodesc.ToFileDescriptorProto(f))
	if err != nil {
		return d, fmt.Errorf("file %s: its descriptor can't be written", f.Path())
	}
	d.Text = base64.StdEncoding.EncodeToString(raw)
	for i := range f.Imports().Len() {
		in := f.Imports().Get(i)
		if strings.HasPrefix(in.Path(), "google/protobuf/") {
			continue // every registry has them
		}
		if in.IsPlaceholder() {
			return d, fmt.Errorf("file %s: its import %s isn't in the program", f.Path(), in.Path())
		}
		needed, err := define(in.FileDescriptor)
		if err != nil {
			return d, err
		}
		d.Imports = append(d.Imports, registry.Import{Name: in.Path(), Definition: needed})
	}
	return d, nil
}

// message is a message that a schema defines, with those inside it.
type message struct {
	name   string
	inside []*message
}

// messages returns what the schema defines and its package. The text is either
// a .proto file or the base64 of a descriptor.
func messages(text string) (pkg string, all []*message, err error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return scan(text)
	}
	var f descriptorpb.FileDescriptorProto
	if err := (proto.UnmarshalOptions{RecursionLimit: maxDepth}).Unmarshal(raw, &f); err != nil {
		return "", nil, errors.New("neither a .proto text nor a descriptor")
	}
	return f.GetPackage(), fromDescriptor(f.GetMessageType()), nil
}

func fromDescriptor(all []*descriptorpb.DescriptorProto) []*message {
	var out []*message
	for _, m := range all {
		if !m.GetOptions().GetMapEntry() {
			out = append(out, &message{m.GetName(), fromDescriptor(m.GetNestedType())})
		}
	}
	return out
}

// find returns the place of the message with the full name.
func find(pkg string, all []*message, full string) ([]int, bool) {
	name := full
	if pkg != "" {
		var ok bool
		if name, ok = strings.CutPrefix(full, pkg+"."); !ok {
			return nil, false
		}
	}
	var path []int
	for part := range strings.SplitSeq(name, ".") {
		i := slices.IndexFunc(all, func(m *message) bool { return m.name == part })
		if i < 0 {
			return nil, false
		}
		path, all = append(path, i), all[i].inside
	}
	return path, true
}

// placeOf returns the place of the message in the schema of the registry,
// which may be another version of the file, with other messages before it.
func placeOf(d protoreflect.MessageDescriptor, s *registry.Schema) ([]byte, error) {
	pkg, all, err := messages(s.Text)
	if err != nil {
		return nil, err
	}
	path, ok := find(pkg, all, string(d.FullName()))
	if !ok {
		return nil, fmt.Errorf("it has no message %s", d.FullName())
	}
	return appendIndex(nil, path), nil
}

// checker knows which place of a schema has the message.
type checker struct {
	message protoreflect.FullName
	want    []byte // as it is written
	path    []int
}

func checkerOf(d protoreflect.MessageDescriptor, s *registry.Schema) (*checker, error) {
	want, err := placeOf(d, s)
	if err != nil {
		return nil, err
	}
	path, _, err := readIndex(want)
	return &checker{message: d.FullName(), want: want, path: path}, err
}

// check makes sure that the record says the same place. [0] has two spellings.
func (c *checker) check(index []byte) error {
	if bytes.Equal(index, c.want) {
		return nil
	}
	path, n, err := readIndex(index)
	switch {
	case err != nil:
		return err
	case n != len(index):
		return errIndex
	case !slices.Equal(path, c.path):
		return fmt.Errorf("message indexes: the record is another message of the schema than %s", c.message)
	}
	return nil
}
