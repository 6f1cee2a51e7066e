package debezium

// sourceOf returns the source that has the members.
func sourceOf(members map[string]any) Source {
	text := func(name string) string {
		s, _ := members[name].(string)
		return s
	}
	number := func(name string) *int64 {
		switch n := members[name].(type) {
		case int64:
			return &n
		case int32:
			wide := int64(n)
			return &wide
		}
		return nil
	}
	s := Source{
		Version: text("version"), Connector: text("connector"), Name: text("name"), Snapshot: text("snapshot"), DB: text("db"),
		Schema: text("schema"), Table: text("table"), Sequence: text("sequence"), TxID: number("txId"), LSN: number("lsn"),
		Time: timeOf(number("ts_ns"), number("ts_us"), nonZero(value(number("ts_ms")))),
	}
	own := s.fields()
	for name, v := range members {
		if _, ok := own[name]; ok {
			continue
		}
		if s.More == nil {
			s.More = make(map[string]any)
		}
		s.More[name] = v
	}
	return s
}

// members is the inverse of sourceOf.
func (s *Source) members() map[string]any {
	m := s.fields()
	for name, v := range s.More {
		if _, ok := m[name]; !ok {
			m[name] = v
		}
	}
	return m
}

// fields returns what the fields say, by the names of the members. What may be
// missing is nil then.
func (s *Source) fields() map[string]any {
	nanos, micros, millis := times(s.Time)
	return map[string]any{
		"version": s.Version, "connector": s.Connector, "name": s.Name, "snapshot": orNil(nonZero(s.Snapshot)), "db": s.DB,
		"schema": s.Schema, "table": s.Table, "sequence": orNil(nonZero(s.Sequence)), "txId": orNil(s.TxID), "lsn": orNil(s.LSN),
		"ts_ms": value(millis), "ts_us": orNil(micros), "ts_ns": orNil(nanos),
	}
}

// orNil returns what p leads to, and a plain nil for a nil pointer.
func orNil[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}
