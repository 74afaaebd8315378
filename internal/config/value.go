package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// rangeError is a value of the right form outside the bounds of its rule.
type rangeError struct {
	text string
	rule rule
}

func (e *rangeError) Error() string {
	return fmt.Sprintf("%s is out of range: write a value %s", e.text, e.rule.bounds())
}

// parseScalar turns text into what the tree of a layer holds: a bool, an int64 or the canonical
// string. Its errors are for people.
func (s *shape) parseScalar(text string) (any, error) {
	if s.any {
		return text, nil
	}
	v, err := s.decode(text)
	if err != nil {
		return nil, err
	}
	if s.outOfBounds(v) {
		return nil, &rangeError{text, s.rule}
	}
	return s.encode(v, text), nil
}

// decode turns text into a value of the shape's type.
func (s *shape) decode(text string) (reflect.Value, error) {
	p := reflect.New(s.typ)
	v := p.Elem()
	if u, ok := p.Interface().(encoding.TextUnmarshaler); ok {
		return v, u.UnmarshalText([]byte(text))
	}
	switch s.typ.Kind() { //nolint:exhaustive // the kinds that the types use
	case reflect.Bool:
		switch strings.ToLower(text) {
		case "true":
			v.SetBool(true)
		case "false":
		default:
			return v, fmt.Errorf("%q is neither true nor false", text)
		}
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return v, fmt.Errorf("%q is not a whole number", text)
		}
		v.SetInt(n)
	default:
		if allowed := s.values(); allowed != nil && !slices.Contains(allowed, text) {
			return v, fmt.Errorf("%q is not one of %s", text, strings.Join(allowed, ", "))
		}
		v.SetString(text)
	}
	return v, nil
}

// encode is the tree's form of v, which was read from text.
func (s *shape) encode(v reflect.Value, text string) any {
	switch {
	case s.secret():
		return text
	case v.Type().Implements(reflect.TypeFor[fmt.Stringer]()):
		return fmt.Sprint(v.Interface())
	case v.Kind() == reflect.Bool:
		return v.Bool()
	case v.CanInt():
		return v.Int()
	default:
		return v.String()
	}
}

func (s *shape) outOfBounds(v reflect.Value) bool {
	if !v.CanInt() {
		return false
	}
	if s.rule.min != "" {
		if low, err := s.decode(s.rule.min); err != nil || v.Int() < low.Int() {
			return true
		}
	}
	if s.rule.max != "" {
		if high, err := s.decode(s.rule.max); err != nil || v.Int() > high.Int() {
			return true
		}
	}
	return false
}

// tree turns a struct of defaults into a layer's tree. What is empty is left out: it is no default
// worth telling.
func (s *shape) tree(v reflect.Value) any {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch s.kind {
	case kindStruct:
		out := map[string]any{}
		for i, f := range s.fields {
			if f.omit && v.Field(i).IsZero() {
				continue
			}
			sub := f.shape.tree(v.Field(i))
			if section, ok := sub.(map[string]any); ok && len(section) == 0 && v.Field(i).Kind() == reflect.Struct {
				continue
			}
			if sub != nil {
				out[f.name] = sub
			}
		}
		return out
	case kindMap:
		if v.Len() == 0 {
			return nil
		}
		out := map[string]any{}
		for key, value := range v.Seq2() {
			out[key.String()] = s.elem.tree(value)
		}
		return out
	case kindList:
		if v.Len() == 0 {
			return nil
		}
		out := make([]any, v.Len())
		for i := range out {
			out[i] = s.elem.tree(v.Index(i))
		}
		return out
	case kindScalar:
	}
	if v.Kind() == reflect.String && v.Len() == 0 {
		return nil
	}
	return s.encode(v, "")
}
