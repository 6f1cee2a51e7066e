package main

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// transfer moves an amount between two accounts: "from,to,amount".
type transfer struct {
	from, to string
	amount   int64
}

// posting is one side of a transfer: "transfer id,change".
type posting struct {
	transfer string
	change   int64
}

// entry is the last posting of an account, with the number of its postings and
// their sum: "transfer id,change,count,balance".
type entry struct {
	posting
	count, balance int64
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

func (transferSerde) AppendTo(dst []byte, t *transfer) ([]byte, error) {
	return appendNumbers(append(append(append(dst, t.from...), ','), t.to...), t.amount), nil
}

func (transferSerde) Decode(src []byte) (*transfer, error) {
	f, err := fields(src, 3)
	if err != nil {
		return nil, err
	}
	t := &transfer{from: f[0], to: f[1]}
	if err := numbers(f[2:], &t.amount); err != nil {
		return nil, err
	}
	if t.amount <= 0 {
		return nil, errAmount
	}
	return t, nil
}

type postingSerde struct{}

func (postingSerde) AppendTo(dst []byte, p posting) ([]byte, error) {
	return appendNumbers(append(dst, p.transfer...), p.change), nil
}

func (postingSerde) Decode(src []byte) (p posting, err error) {
	f, err := fields(src, 2)
	if err != nil {
		return p, err
	}
	p.transfer = f[0]
	return p, numbers(f[1:], &p.change)
}

type entrySerde struct{}

func (entrySerde) AppendTo(dst []byte, e entry) ([]byte, error) {
	return appendNumbers(append(dst, e.transfer...), e.change, e.count, e.balance), nil
}

func (entrySerde) Decode(src []byte) (e entry, err error) {
	f, err := fields(src, 4)
	if err != nil {
		return e, err
	}
	e.transfer = f[0]
	return e, numbers(f[1:], &e.change, &e.count, &e.balance)
}

type decimalSerde struct{}

func (decimalSerde) AppendTo(dst []byte, n int64) ([]byte, error) {
	return strconv.AppendInt(dst, n, 10), nil
}

func (decimalSerde) Decode(src []byte) (n int64, err error) {
	return n, numbers([]string{string(src)}, &n)
}
