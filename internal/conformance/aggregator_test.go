package conformance

import "testing"

func TestAggregators(t *testing.T) {
	for _, tt := range []struct {
		text       string
		value, agg any
		want       any
		typ        Type
		result     Type
	}{
		{"concat:,", "v", nil, "v", String, String}, {"concat:,", "v", "", "v", String, String}, {"concat:,", int64(1), "a", "a,1", Int64, String},
		{"concat:,", nil, "a", "a,null", String, String}, {"concat:,", nil, nil, "null", String, String},
		{"concat_key:=", "v", nil, "k=v;", String, String}, {"concat_key:=", nil, "a", "ak=null;", String, String},
		{"remove:,", "b", "a,b,b", "a,b", String, String}, {"remove:,", "a", "a", "", String, String}, {"remove:,", "x", "a", "a,-x", String, String},
		{"remove:,", "x", nil, "-x", String, String}, {"remove:,", "x", "", ",-x", String, String}, {"remove:,", "", "", "", String, String}, {"remove:,", nil, "a,null", "a", String, String},
		{"count", nil, nil, int64(1), String, Int64}, {"count", "v", maxInt, minInt, String, Int64},
		{"uncount", "v", nil, int64(-1), String, Int64}, {"uncount", "v", minInt, maxInt, String, Int64},
		{"sum", int64(2), int64(1), int64(3), Int64, Int64}, {"sum", nil, int64(1), int64(1), Int64, Int64}, {"sum", int64(2), nil, int64(2), Int64, Int64}, {"sum", int64(1), maxInt, minInt, Int64, Int64},
		{"sub", int64(2), int64(1), int64(-1), Int64, Int64}, {"sub", int64(2), nil, int64(-2), Int64, Int64}, {"sub", nil, nil, int64(0), Int64, Int64}, {"sub", int64(1), minInt, maxInt, Int64, Int64},
		{"max", int64(2), int64(1), int64(2), Int64, Int64}, {"max", nil, int64(-1), int64(-1), Int64, Int64}, {"max", int64(-2), nil, int64(-2), Int64, Int64}, {"max", nil, nil, nil, Int64, Int64},
		{"min", int64(2), int64(1), int64(1), Int64, Int64}, {"min", nil, int64(1), int64(1), Int64, Int64}, {"min", int64(2), nil, int64(2), Int64, Int64},
		{"length_sum", "abc", int64(1), int64(4), String, Int64}, {"length_sum", nil, nil, int64(0), String, Int64}, {"length_sum", "a", maxInt, minInt, String, Int64},
		{"first", "v", "a", "a", String, String}, {"first", "v", nil, "v", String, String}, {"first", nil, nil, nil, Int64, Int64},
		{"last", int64(1), int64(2), int64(1), Int64, Int64}, {"last", nil, "a", nil, String, String},
		{"null_if:x", "x", "a", nil, String, String}, {"null_if:x", "y", "a", "a,y", String, String}, {"null_if:x", "y", nil, "y", String, String}, {"null_if:1", int64(1), "a", nil, Int64, String},
		{"fail_if:bad", "bad", "a", fails{}, String, String}, {"fail_if:bad", "v", "a", "v", String, String}, {"fail_if:bad", nil, "a", nil, String, String},
	} {
		f, result, err := ParseAggregator(tt.text, tt.typ)
		if err != nil || result != tt.result {
			t.Errorf("%s: type %s, error %v", tt.text, result, err)
			continue
		}
		check(t, tt.text, tt.want, func() any { return f("k", tt.value, tt.agg) })
	}
	for _, tt := range []struct {
		text string
		typ  Type
	}{{"nope", String}, {"sum", String}, {"max", String}, {"length_sum", Int64}, {"concat", String}, {"count:1", String}, {"remove", String}} {
		if _, _, err := ParseAggregator(tt.text, tt.typ); err == nil {
			t.Errorf("aggregator %q of %s is parsed", tt.text, tt.typ)
		}
	}
}

func TestReducers(t *testing.T) {
	for _, tt := range []struct {
		text       string
		agg, value any
		want       any
		typ        Type
	}{
		{"concat:,", "a", "v", "a,v", String}, {"concat:,", "", "v", ",v", String}, {"concat:,", nil, nil, "null,null", String},
		{"remove:,", "a,b", "a", "b", String}, {"null_if:x", "a", "x", nil, String}, {"null_if:x", "", "y", "y", String},
		{"sum", int64(1), int64(2), int64(3), Int64}, {"sub", int64(1), int64(2), int64(-1), Int64}, {"min", int64(1), int64(2), int64(1), Int64}, {"max", int64(1), int64(2), int64(2), Int64},
		{"first", "a", "v", "a", String}, {"last", "a", "v", "v", String}, {"fail_if:bad", "a", "bad", fails{}, String},
		{"sum", maxInt, maxInt, int64(-2), Int64}, {"sum", nil, nil, int64(0), Int64},
	} {
		f, err := ParseReducer(tt.text, tt.typ)
		if err != nil {
			t.Error(err)
			continue
		}
		check(t, tt.text, tt.want, func() any { return f(tt.agg, tt.value) })
	}
	for _, tt := range []struct {
		text string
		typ  Type
	}{{"nope", String}, {"concat:,", Int64}, {"concat_key:,", String}, {"count", String}, {"length_sum", String}, {"sum", String}, {"concat", String}} {
		if _, err := ParseReducer(tt.text, tt.typ); err == nil {
			t.Errorf("reducer %q of %s is parsed", tt.text, tt.typ)
		}
	}
}

func TestMergers(t *testing.T) {
	for _, tt := range []struct {
		text string
		a, b any
		want any
		typ  Type
	}{
		{"concat:|", "a", "b", "a|b", String}, {"concat:|", "", "b", "b", String}, {"concat:|", "a", nil, "a", String}, {"concat:|", nil, nil, nil, String},
		{"sum", int64(1), int64(2), int64(3), Int64}, {"sum", nil, int64(2), int64(2), Int64}, {"sum", maxInt, int64(1), minInt, Int64},
		{"max", int64(1), int64(2), int64(2), Int64}, {"max", int64(1), nil, int64(1), Int64},
		{"left", "a", "b", "a", String}, {"left", nil, "b", nil, String}, {"null", "a", "b", nil, Bytes},
	} {
		f, err := ParseMerger(tt.text, tt.typ)
		if err != nil {
			t.Error(err)
			continue
		}
		check(t, tt.text, tt.want, func() any { return f("k", tt.a, tt.b) })
	}
	for _, tt := range []struct {
		text string
		typ  Type
	}{{"nope", String}, {"sum", String}, {"concat:|", Int64}, {"concat", String}, {"min", Int64}, {"left:1", String}} {
		if _, err := ParseMerger(tt.text, tt.typ); err == nil {
			t.Errorf("merger %q of %s is parsed", tt.text, tt.typ)
		}
	}
}
