package ledger

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Transfer moves an amount between two accounts: "from,to,amount".
type Transfer struct {
	From, To string
	Amount   int64
}

// Posting is one side of a transfer: "transfer id,change".
type Posting struct {
	Transfer string
	Change   int64
}

// Entry is the last posting of an account, with the number of its postings and
// their sum: "transfer id,change,count,balance".
type Entry struct {
	Posting
	Count, Balance int64
}

var (
	errFields = errors.New("wrong number of fields")
	errNumber = errors.New("a number is malformed")
	errAmount = errors.New("the amount is not above 0")
	errText   = errors.New("the text is not UTF-8")
)

// fields splits a text at its commas.
func fields(src []byte, n int) ([]string, error) {
	if !utf8.Valid(src) {
		return nil, errText
	}
	f := strings.Split(string(src), ",")
	if len(f) != n {
		return nil, errFields
	}
	return f, nil
}

// numbers reads decimal numbers.
func numbers(texts []string, into ...*int64) error {
	for i, t := range texts {
		n, err := strconv.ParseInt(t, 10, 64)
		if err != nil {
			return errNumber
		}
		*into[i] = n
	}
	return nil
}

func appendNumbers(dst []byte, ns ...int64) []byte {
	for _, n := range ns {
		dst = strconv.AppendInt(append(dst, ','), n, 10)
	}
	return dst
}

type transferSerde struct{}

func (transferSerde) AppendTo(dst []byte, t *Transfer) ([]byte, error) {
	return appendNumbers(append(append(append(dst, t.From...), ','), t.To...), t.Amount), nil
}

func (transferSerde) Decode(src []byte) (*Transfer, error) {
	f, err := fields(src, 3)
	if err != nil {
		return nil, err
	}
	t := &Transfer{From: f[0], To: f[1]}
	if err := numbers(f[2:], &t.Amount); err != nil {
		return nil, err
	}
	if t.Amount <= 0 {
		return nil, errAmount
	}
	return t, nil
}

type postingSerde struct{}

func (postingSerde) AppendTo(dst []byte, p Posting) ([]byte, error) {
	return appendNumbers(append(dst, p.Transfer...), p.Change), nil
}

func (postingSerde) Decode(src []byte) (p Posting, err error) {
	f, err := fields(src, 2)
	if err != nil {
		return p, err
	}
	p.Transfer = f[0]
	return p, numbers(f[1:], &p.Change)
}

type entrySerde struct{}

func (entrySerde) AppendTo(dst []byte, e Entry) ([]byte, error) {
	return appendNumbers(append(dst, e.Transfer...), e.Change, e.Count, e.Balance), nil
}

func (entrySerde) Decode(src []byte) (e Entry, err error) {
	f, err := fields(src, 4)
	if err != nil {
		return e, err
	}
	e.Transfer = f[0]
	return e, numbers(f[1:], &e.Change, &e.Count, &e.Balance)
}

type decimalSerde struct{}

func (decimalSerde) AppendTo(dst []byte, n int64) ([]byte, error) {
	return strconv.AppendInt(dst, n, 10), nil
}

func (decimalSerde) Decode(src []byte) (n int64, err error) {
	return n, numbers([]string{string(src)}, &n)
}
