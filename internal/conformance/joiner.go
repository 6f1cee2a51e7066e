package conformance

// Joiner joins the two sides of a join.
type Joiner func(key, left, right any) any

// ParseJoiner parses a joiner for sides of the types, and returns the type of
// its results.
func ParseJoiner(text string, left, right Type) (Joiner, Type, error) {
	c := parseCall(text)
	if err := c.checkArg("left", "right", "null", "sum"); err != nil {
		return nil, "", err
	}
	switch c.name {
	case "concat":
		return func(_, l, r any) any { return Format(l) + c.arg + Format(r) }, String, nil
	case "with_key":
		return func(k, l, r any) any { return Format(k) + c.arg + Format(l) + c.arg + Format(r) }, String, nil
	case "left":
		return func(_, l, _ any) any { return l }, left, nil
	case "right":
		return func(_, _, r any) any { return r }, right, nil
	case "null":
		return func(_, _, _ any) any { return nil }, left, nil
	case "sum":
		if left == Int64 && right == Int64 {
			return func(_, l, r any) any { return orZero(l) + orZero(r) }, Int64, nil
		}
	case "null_if_right":
		return func(_, l, r any) any {
			if Format(r) == c.arg {
				return nil
			}
			return Format(l) + "+" + Format(r)
		}, String, nil
	case "fail_if_right":
		return func(_, l, r any) any {
			if Format(r) == c.arg {
				c.fail()
			}
			return Format(l) + "+" + Format(r)
		}, String, nil
	}
	return nil, "", c.unknown("joiner", left, right)
}

// JoinsWithKey reports whether a joiner is passed as a key-aware one.
func JoinsWithKey(text string) bool { return parseCall(text).name == "with_key" }
