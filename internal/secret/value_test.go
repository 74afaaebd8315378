package secret

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.yaml.in/yaml/v3"
)

const planted = "hunter2-planted"

// holder has a Value in every way that a struct can have one.
type holder struct {
	V Value
	P *Value
	M map[string]Value
	S []Value
	N *nested
}

type nested struct{ v Value }

func newHolder() holder {
	v := New(planted)
	return holder{V: v, P: &v, M: map[string]Value{"k": v}, S: []Value{v}, N: &nested{v}}
}

func TestNothingPrintsAValue(t *testing.T) {
	h := newHolder()
	outputs := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%f", "%c", "%U", "%p"} {
		outputs["value "+verb] = fmt.Sprintf(verb, h.V)
		outputs["pointer "+verb] = fmt.Sprintf(verb, h.P)
		outputs["struct "+verb] = fmt.Sprintf(verb, h)
		outputs["struct pointer "+verb] = fmt.Sprintf(verb, &h)
		outputs["struct in a struct "+verb] = fmt.Sprintf(verb, struct{ H *holder }{&h})
	}
	outputs["Sprint"] = fmt.Sprint(h, h.V)
	encode := func(name string, data []byte, err error) {
		if err == nil {
			outputs[name] = string(data)
		}
	}
	data, err := json.Marshal(h)
	encode("json", data, err)
	data, err = yaml.Marshal(h)
	encode("yaml", data, err)
	data, err = xml.Marshal(h.V)
	encode("xml", data, err)
	var b bytes.Buffer
	encode("gob", b.Bytes(), gob.NewEncoder(&b).Encode(h.V))
	outputs["gob buffer"] = b.String()

	b.Reset()
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "value", h.V, "holder", h)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "value", h.V, "holder", h)
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&b), zapcore.DebugLevel)
	zap.New(core).Info("m", zap.Any("value", h.V), zap.Any("holder", h), zap.Stringer("stringer", h.V), zap.Reflect("reflect", h))
	outputs["loggers"] = b.String()

	for name, out := range outputs {
		if strings.Contains(out, planted) || strings.Contains(out, fmt.Sprintf("%x", planted)) {
			t.Errorf("%s reveals it: %s", name, out)
		}
	}
}

func TestValueIsItsText(t *testing.T) {
	for _, text := range []string{"", "a", planted} {
		var decoded Value
		if err := decoded.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if v := New(text); v.Reveal() != text || v != decoded || v.IsZero() != (text == "") {
			t.Errorf("New(%q) reveals %q, equals its decoded form: %v", text, v.Reveal(), v == decoded)
		}
	}
	if New("a") == New("b") {
		t.Error("different texts are equal")
	}
	if (Value{}) != New("") {
		t.Error("the zero Value is not the empty text")
	}
}
