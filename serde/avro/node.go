package avro

// kind is a type of Avro.
type kind uint8

const (
	nullType kind = iota
	booleanType
	intType
	longType
	floatType
	doubleType
	bytesType
	stringType
	fixedType
	enumType
	arrayType
	mapType
	unionType
	recordType
)

var kinds = map[string]kind{
	"null": nullType, "boolean": booleanType, "int": intType, "long": longType, "float": floatType, "double": doubleType,
	"bytes": bytesType, "string": stringType, "fixed": fixedType, "enum": enumType, "array": arrayType, "map": mapType,
	"record": recordType, "error": recordType,
}

// node is a type in a schema, with what it takes to find the end of a value.
type node struct {
	kind  kind
	name  string  // full name of a record, enum or fixed
	parts []*node // types of the fields or branches, or the one of the elements
	size  int     // bytes of a fixed, symbols of an enum
	min   int     // no value has fewer bytes
}

// least returns the least size of a value, from those of the parts.
func (n *node) least() int {
	const large = 1 << 30 // sums must not overflow
	switch n.kind {
	case nullType:
		return 0
	case floatType:
		return 4
	case doubleType:
		return 8
	case fixedType:
		return n.size
	case recordType:
		sum := 0
		for _, p := range n.parts {
			sum = min(sum+p.min, large)
		}
		return sum
	case unionType:
		if len(n.parts) == 0 {
			return 1
		}
		least := large
		for _, p := range n.parts {
			least = min(least, p.min)
		}
		return 1 + least
	}
	return 1
}
