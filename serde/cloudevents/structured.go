package cloudevents

import (
	"encoding/base64"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"strconv"
)

var (
	errJSON      = errors.New("not a JSON text of an event")
	errData      = errors.New("the data aren't JSON, as their content type says")
	errBothData  = errors.New("there are both data and data_base64")
	errBase64    = errors.New("data_base64 is not in base64")
	errAttribute = errors.New("an attribute is neither a text nor a number nor a boolean")
)

func (s *events[T]) appendStructured(dst []byte, e *Event[T]) ([]byte, error) {
	var few [12]attribute
	all, err := e.attributes(few[:0])
	if err != nil {
		return nil, err
	}
	sep := byte('{')
	for _, a := range all {
		if dst, err = appendMember(dst, sep, a.name(), a.value); err != nil {
			return nil, err
		}
		sep = ','
	}
	if !e.NoData {
		if dst, err = s.appendData(dst, e); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func (s *events[T]) appendData(dst []byte, e *Event[T]) ([]byte, error) {
	of := s.typeOf(e)
	if of != "" {
		var err error
		if dst, err = appendMember(dst, ',', "datacontenttype", of); err != nil {
			return nil, err
		}
	}
	if !isJSON(of) {
		data, err := s.data.AppendTo(nil, e.Data)
		if err != nil {
			return nil, err
		}
		dst = append(dst, `,"data_base64":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, data)
		return append(dst, '"'), nil
	}
	dst = append(dst, `,"data":`...)
	at := len(dst)
	dst, err := s.data.AppendTo(dst, e.Data)
	if err != nil {
		return nil, err
	}
	if !jsontext.Value(dst[at:]).IsValid() {
		return nil, errData
	}
	return dst, nil
}

func appendMember(dst []byte, sep byte, name, value string) ([]byte, error) {
	dst = append(dst, sep, '"')
	dst = append(dst, name...)
	dst, err := jsontext.AppendQuote(append(dst, `":`...), value)
	if err != nil {
		return nil, errText
	}
	return dst, nil
}

// structured reads an event that is a JSON text.
func (s *events[T]) structured(src []byte) (e Event[T], err error) {
	var all map[string]jsontext.Value
	if err := json.Unmarshal(src, &all); err != nil || all == nil {
		return e, errJSON
	}
	if _, ok := all["specversion"]; !ok {
		return e, ErrNotEvent
	}
	data, base := all["data"], all["data_base64"]
	delete(all, "data")
	delete(all, "data_base64")
	for name, v := range all {
		value, ok, err := scalar(v)
		if err == nil && ok {
			err = e.set(name, value)
		}
		if err != nil {
			return e, err
		}
	}
	if err := e.check(); err != nil {
		return e, err
	}
	return e, s.setData(&e, data, base)
}

// scalar returns the text of an attribute. A null is one that isn't set.
func scalar(v jsontext.Value) (text string, ok bool, err error) {
	switch v.Kind() {
	case jsontext.KindNull:
		return "", false, nil
	case jsontext.KindTrue, jsontext.KindFalse:
		return string(v), true, nil
	case jsontext.KindNumber:
		n, err := strconv.ParseInt(string(v), 10, 32)
		if err != nil {
			return "", false, errAttribute
		}
		return strconv.FormatInt(n, 10), true, nil
	case jsontext.KindString:
		b, err := jsontext.AppendUnquote(nil, v)
		return string(b), true, err
	}
	return "", false, errAttribute
}

// setData sets the data out of one of the two members.
func (s *events[T]) setData(e *Event[T], data, base jsontext.Value) (err error) {
	var raw []byte
	switch hasData := data != nil && data.Kind() != jsontext.KindNull; {
	case base != nil && base.Kind() != jsontext.KindNull:
		if hasData {
			return errBothData
		}
		if raw, err = unbase(base); err != nil {
			return err
		}
	case !hasData:
		e.NoData = true
		return nil
	case data.Kind() == jsontext.KindString && !isJSON(e.DataContentType):
		if raw, err = jsontext.AppendUnquote(nil, data); err != nil {
			return errJSON
		}
	default:
		raw = data
	}
	e.Data, err = s.data.Decode(raw)
	return err
}

func unbase(v jsontext.Value) ([]byte, error) {
	if v.Kind() != jsontext.KindString {
		return nil, errBase64
	}
	text, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return nil, errBase64
	}
	raw, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return nil, errBase64
	}
	return raw, nil
}
