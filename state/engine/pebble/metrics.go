package pebble

// Metrics is the size and work of a DB. Counts are since it was opened.
type Metrics struct {
	DiskBytes     int64 // of all files
	MemTableBytes int64 // allocated, whether filled or not
	L0Files       int64 // that compactions have not merged yet
	Flushes       int64
	Compactions   int64
}

// Metrics returns the DB's metrics, all 0 after Close. It takes Pebble's lock and
// some ten microseconds: not for each record.
func (d *DB) Metrics() (m Metrics) {
	if d.closed {
		return Metrics{}
	}
	var err error
	defer d.h.contain("metrics", &err)
	p := d.db.Metrics()
	return Metrics{
		DiskBytes:     int64(p.DiskSpaceUsage()),
		MemTableBytes: int64(p.MemTable.Size + p.MemTable.ZombieSize),
		L0Files:       p.Levels[0].TablesCount,
		Flushes:       p.Flush.Count,
		Compactions:   p.Compact.Count,
	}
}
