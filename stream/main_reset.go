package stream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/statedir"
	"github.com/ottla-streams/ottla/internal/runtime/topics"
)

// reset takes the app back to its beginning. Without -execute it only says what
// it would do.
func (p *program) reset() func(context.Context) error {
	execute := p.flags.Bool("execute", false, "do it, rather than say what would be done")
	to := p.flags.String("to", "earliest", "`position` of input topics: earliest, latest, a time such as 2006-01-02T15:04:05Z, or a duration before now such as 36h")
	more := p.flags.String("delete", "", "internal `topics` to delete too, of stores that the topology no longer has, separated by commas")
	local := p.flags.Bool("local", false, "delete the local state only: for the other machines of an app that was reset")
	return func(ctx context.Context) error {
		position, err := topics.ParsePosition(*to, time.Now())
		if err != nil {
			return misuse{fmt.Errorf("reset: -to: %w", err)}
		}
		c, err := p.ready()
		if err != nil {
			return err
		}
		if *local {
			return p.resetLocal(c, *execute)
		}
		built, err := p.build()
		if err != nil {
			return err
		}
		cl, err := client.Config{Brokers: c.Brokers, Opts: c.Client, Name: c.ID, Logger: c.Logger}.New("reset")
		if err != nil {
			return err
		}
		defer cl.Close()
		adm := kadm.NewClient(cl)
		names := strings.FieldsFunc(*more, func(r rune) bool { return r == ',' || r == ' ' })
		need := topics.Config{Topology: built.Graph(), App: c.ID, Logger: c.Logger}
		plan, err := topics.PlanReset(ctx, adm, need, position, names...)
		if err != nil {
			return err
		}
		p.writePlan(plan)
		if err := p.resetLocal(c, *execute); err != nil || !*execute {
			return err
		}
		if err := plan.Execute(ctx, adm, c.Logger); err != nil {
			return fmt.Errorf("reset is half done: repeat it before you start the app: %w", err)
		}
		fmt.Fprintln(p.stdout, "done")
		return nil
	}
}

func (p *program) writePlan(r *topics.Reset) {
	fmt.Fprintf(p.stdout, "group %s goes to:\n", r.Group)
	for _, o := range r.Offsets.Sorted() {
		fmt.Fprintf(p.stdout, "  topic %s, partition %d, offset %d\n", o.Topic, o.Partition, o.At)
	}
	p.writeNames("internal topics to delete:", r.Delete)
	p.writeNames("topics that look alike and stay, as the topology does not have them (see -delete):", r.Others)
}

func (p *program) writeNames(title string, names []string) {
	if len(names) == 0 {
		return
	}
	fmt.Fprintln(p.stdout, title)
	for _, name := range names {
		fmt.Fprintf(p.stdout, "  %s\n", name)
	}
}

// resetLocal deletes the app's state folder, or says that it would.
func (p *program) resetLocal(c Config, execute bool) error {
	folder := filepath.Join(c.StateDir, c.ID)
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("state folder: %w", err)
	}
	if len(entries) > 0 {
		p.writeNames("local state to delete (on other machines: reset -local):", []string{folder})
	}
	if !execute {
		fmt.Fprintln(p.stdout, "nothing was changed: add -execute to do it")
		return nil
	}
	if len(entries) == 0 {
		return nil
	}
	return removeState(c.StateDir, c.ID)
}

// removeState deletes what the app keeps below parent, unless a process has it
// open. It follows no links out of the folder.
func removeState(parent, app string) error {
	dir, err := statedir.Open(parent, app)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir.Path())
	if err != nil {
		return errors.Join(fmt.Errorf("state folder: %w", err), dir.Close())
	}
	errs := []error{removeAll(root), root.Close(), dir.Close()}
	return errors.Join(errs...)
}

// removeAll deletes what is in root but for the file that locks it.
func removeAll(root *os.Root) error {
	f, err := root.Open(".")
	if err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	slices.Sort(names)
	for _, name := range names {
		if name == ".lock" {
			continue
		}
		if err := root.RemoveAll(name); err != nil {
			return fmt.Errorf("state folder: %w", err)
		}
	}
	return nil
}
