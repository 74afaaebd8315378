package config

import (
	"encoding"
	"fmt"
	"reflect"
)

// fill sets v, of the shape's type, to a value of a merged tree. The strict reader has checked the
// tree, so an error is a defect. Going by the shape takes a small part of the time that a decoder for
// any type and any tree takes: with 10 000 routes that decides how long a reload is.
func (s *shape) fill(v reflect.Value, value any) error {
	if value == nil {
		return nil
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch s.kind {
	case kindStruct:
		tree, ok := value.(map[string]any)
		if !ok {
			return s.misfit(value)
		}
		for name, sub := range tree {
			i, ok := s.byName[name]
			if !ok {
				return s.misfit(name)
			}
			if err := s.fields[i].shape.fill(v.Field(i), sub); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	case kindMap:
		tree, ok := value.(map[string]any)
		if !ok {
			return s.misfit(value)
		}
		return s.fillMap(v, tree)
	case kindList:
		list, ok := value.([]any)
		if !ok {
			return s.misfit(value)
		}
		v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
		for i, sub := range list {
			if err := s.elem.fill(v.Index(i), sub); err != nil {
				return fmt.Errorf("%d: %w", i, err)
			}
		}
		return nil
	case kindScalar:
	}
	return s.fillScalar(v, value)
}

func (s *shape) fillMap(v reflect.Value, tree map[string]any) error {
	t := v.Type()
	v.Set(reflect.MakeMapWithSize(t, len(tree)))
	key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
	for name, sub := range tree {
		key.SetString(name)
		elem.SetZero()
		if err := s.elem.fill(elem, sub); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		v.SetMapIndex(key, elem)
	}
	return nil
}

func (s *shape) fillScalar(v reflect.Value, value any) error {
	switch value := value.(type) {
	case string:
		if s.text {
			text, ok := v.Addr().Interface().(encoding.TextUnmarshaler)
			if !ok {
				return s.misfit(value)
			}
			return text.UnmarshalText([]byte(value))
		}
		if v.Kind() == reflect.String {
			v.SetString(value)
			return nil
		}
	case int64:
		if v.CanInt() {
			v.SetInt(value)
			return nil
		}
	case bool:
		if v.Kind() == reflect.Bool {
			v.SetBool(value)
			return nil
		}
	}
	return s.misfit(value)
}

func (s *shape) misfit(value any) error {
	return fmt.Errorf("a %T for a %s", value, s.typ)
}
