package task

import (
	"errors"
	"fmt"
	"maps"
	"os"
)

// StoredPositions returns, per changelog topic, the offset that the state in a
// task's folder stands for. It opens the folder and closes it again, so that
// nobody else may have it open. There are none without a folder. Of c it needs
// ID, App, Dir and Persistent.
func StoredPositions(c Config) (map[string]int64, error) {
	if _, err := os.Stat(c.Dir); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	s := &State{c: &c, meta: newMeta(&c)}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("task %s: %w", c.ID, err)
	}
	if err := s.engine.Close(); err != nil {
		return nil, fmt.Errorf("task %s: %w", c.ID, err)
	}
	return maps.Clone(s.meta.offsets), nil
}
