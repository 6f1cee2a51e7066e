package stream

import (
	"os"
	"testing"
)

func TestMemoryThere(t *testing.T) {
	const meminfo = "MemTotal:       2097152 kB\nMemFree:        1 kB\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"nothing", nil, 0},
		{"machine", map[string]string{"/proc/meminfo": meminfo}, 2 << 30},
		{"cgroup without limit", map[string]string{"/proc/meminfo": meminfo, "/sys/fs/cgroup/memory.max": "max\n"}, 2 << 30},
		{"cgroup", map[string]string{"/proc/meminfo": meminfo, "/sys/fs/cgroup/memory.max": "536870912\n"}, 512 << 20},
		{"cgroup of version 1", map[string]string{"/proc/meminfo": meminfo, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n"}, 256 << 20},
		{"cgroup of version 1 without limit", map[string]string{"/proc/meminfo": meminfo, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 2 << 30},
	} {
		read := func(name string) ([]byte, error) {
			if text, ok := c.files[name]; ok {
				return []byte(text), nil
			}
			return nil, os.ErrNotExist
		}
		if got := memoryThere(read); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestDefaultMemory(t *testing.T) {
	if n := defaultMemory(); n < leastMemory || n > mostMemory {
		t.Errorf("default is %d", n)
	}
	if err := (Config{ID: "app", MemoryBytes: 1 << 20}).withDefaults().validate(); err == nil {
		t.Error("1 MiB is enough")
	}
}
