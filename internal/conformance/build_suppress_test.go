package conformance

import (
	"github.com/ottla-streams/ottla/table"
)

func init() {
	ops["suppress"] = (*interpreter).suppress
}

func (x *interpreter) suppress(s *Step) (any, error) {
	from, err := result[ktable](x, s.From)
	if err != nil {
		return nil, err
	}
	how := table.UntilWindowCloses()
	if s.Until == "time_limit" {
		how = table.UntilTimeLimit(millis(*s.TimeLimitMS))
	}
	if s.MaxRecords != nil {
		how = how.MaxRecords(int(*s.MaxRecords))
	}
	if s.MaxBytes != nil {
		how = how.MaxBytes(int(*s.MaxBytes))
	}
	if s.WhenFull == "shutdown" {
		how = how.ShutDownWhenFull()
	}
	if l := s.Logging; l != nil && l.Off {
		how = how.NoChangelog()
	} else if l != nil && l.Settings != nil {
		how = how.ChangelogConfig(l.Settings)
	}
	return x.tableStep(s, named(s, from.Suppress(how))), nil
}
