package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/js"
)

// notLiteral is a value that only running the file would tell.
type notLiteral struct{ source string }

// script evaluates the literal part of a JavaScript file. Nothing is executed: no call, no loop, no
// import; what would need one is notLiteral.
type script struct {
	folder string
	vars   map[string]any
	nodes  int
	// exported is module.exports or export default; found says that there is one.
	exported any
	found    bool
}

// readScript is what a file exports. Values are string, float64, bool, nil, []any, map[string]any and
// notLiteral.
func readScript(text, folder string) (any, error) {
	ast, err := parseScript(text)
	if err != nil {
		// A JSON file with comments is an expression.
		var second error
		if ast, second = parseScript("module.exports = (" + text + "\n)"); second != nil {
			return nil, fmt.Errorf("it is not JavaScript: %s", shown(firstLine(err.Error())))
		}
	}
	s := &script{folder: folder, vars: map[string]any{}}
	for _, stmt := range ast.List {
		s.statement(stmt)
		if s.nodes > maxNodes {
			return nil, errTooMany("values", maxNodes)
		}
	}
	if !s.found && len(ast.List) == 1 {
		if e, ok := ast.List[0].(*js.ExprStmt); ok { // a list alone, as pm2 jlist prints
			s.exported = s.eval(e.Value, 0)
			_, is := s.exported.(notLiteral)
			s.found = !is
		}
	}
	if !s.found {
		return nil, errors.New("it exports nothing that can be read: it has no module.exports = {...} and no export default {...}")
	}
	return s.exported, nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// parseScript keeps a defect of the parser from ending the program: its input comes from outside.
func parseScript(text string) (ast *js.AST, err error) {
	return js.Parse(parse.NewInputString(text), js.Options{})
}

func (s *script) statement(stmt js.IStmt) {
	switch stmt := stmt.(type) {
	case *js.VarDecl:
		s.declare(stmt)
	case *js.ExportStmt:
		if stmt.Default && stmt.Decl != nil {
			s.exported, s.found = s.eval(stmt.Decl, 0), true
		} else if decl, ok := stmt.Decl.(*js.VarDecl); ok {
			s.declare(decl)
			for _, b := range decl.List {
				if v, ok := b.Binding.(*js.Var); ok && string(v.Name()) == "apps" {
					s.exported, s.found = map[string]any{"apps": s.vars["apps"]}, true
				}
			}
		}
	case *js.ExprStmt:
		assign, ok := stmt.Value.(*js.BinaryExpr)
		if !ok || assign.Op != js.EqToken {
			return
		}
		switch target := source(assign.X); target {
		case "module.exports", "exports":
			s.exported, s.found = s.eval(assign.Y, 0), true
		case "module.exports.apps", "exports.apps":
			s.exported, s.found = map[string]any{"apps": s.eval(assign.Y, 0)}, true
		}
	}
}

func (s *script) declare(decl *js.VarDecl) {
	for _, b := range decl.List {
		v, ok := b.Binding.(*js.Var)
		if !ok || b.Default == nil {
			continue
		}
		s.vars[string(v.Name())] = s.eval(b.Default, 0)
	}
}

// source is the text of an expression.
func source(e js.IExpr) string {
	var b bytes.Buffer
	e.JS(&b)
	return b.String()
}

func opaque(e js.IExpr) notLiteral {
	text := source(e)
	if len(text) > 200 {
		text = text[:200] + "..."
	}
	return notLiteral{text}
}

func (s *script) eval(e js.IExpr, depth int) any {
	if s.nodes++; depth > maxDepth || s.nodes > maxNodes {
		return notLiteral{"..."}
	}
	switch e := e.(type) {
	case *js.LiteralExpr:
		return literal(e)
	case *js.Var:
		return s.variable(string(e.Name()), e)
	case *js.GroupExpr:
		return s.eval(e.X, depth+1)
	case *js.ArrayExpr:
		return s.array(e, depth)
	case *js.ObjectExpr:
		return s.object(e, depth)
	case *js.TemplateExpr:
		return s.template(e, depth)
	case *js.UnaryExpr:
		return s.unary(e, depth)
	case *js.BinaryExpr:
		return s.binary(e, depth)
	case *js.CondExpr:
		if cond, ok := known(s.eval(e.Cond, depth+1)); ok {
			if cond {
				return s.eval(e.X, depth+1)
			}
			return s.eval(e.Y, depth+1)
		}
	case *js.DotExpr:
		if name, ok := member(e.Y); ok {
			return s.property(e, e.X, name, depth)
		}
	case *js.IndexExpr:
		switch key := s.eval(e.Y, depth+1).(type) {
		case string:
			return s.property(e, e.X, key, depth)
		case float64:
			if list, ok := s.eval(e.X, depth+1).([]any); ok && key >= 0 && int(key) < len(list) {
				return list[int(key)]
			}
		}
	case *js.CallExpr:
		return s.call(e, depth)
	}
	return opaque(e)
}

func literal(e *js.LiteralExpr) any {
	switch uint16(e.TokenType) {
	case uint16(js.StringToken):
		return unquote(string(e.Data[1 : len(e.Data)-1]))
	case uint16(js.TrueToken):
		return true
	case uint16(js.FalseToken):
		return false
	case uint16(js.NullToken):
		return nil
	}
	text := strings.ReplaceAll(string(e.Data), "_", "")
	if n, err := strconv.ParseInt(text, 0, 64); err == nil {
		return float64(n)
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return f
	}
	return opaque(e)
}

func (s *script) variable(name string, e js.IExpr) any {
	switch name {
	case "undefined":
		return nil
	case "__dirname":
		return s.folder
	}
	if v, ok := s.vars[name]; ok {
		s.nodes += weight(v, 0) // a value that is used again and again counts each time
		return v
	}
	return opaque(e)
}

// weight counts the values in v.
func weight(v any, depth int) int {
	n := 1
	if depth > maxDepth {
		return n
	}
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			n += weight(item, depth+1)
		}
	case map[string]any:
		for _, item := range v {
			n += weight(item, depth+1)
		}
	case string:
		n += len(v) / 64
	}
	return n
}

func (s *script) array(e *js.ArrayExpr, depth int) any {
	list := []any{}
	for _, item := range e.List {
		if item.Value == nil {
			continue
		}
		v := s.eval(item.Value, depth+1)
		more, isList := v.([]any)
		switch {
		case item.Spread && isList:
			list = append(list, more...)
		case item.Spread:
			list = append(list, opaque(item.Value))
		default:
			list = append(list, v)
		}
		if s.nodes > maxNodes {
			break
		}
	}
	return list
}

func (s *script) object(e *js.ObjectExpr, depth int) any {
	m := map[string]any{}
	for _, p := range e.List {
		switch {
		case p.Spread:
			switch v := s.eval(p.Value, depth+1).(type) {
			case map[string]any:
				for key, value := range v {
					m[key] = value
				}
			case nil:
			default:
				m["..."+source(p.Value)] = opaque(p.Value)
			}
		case p.Name == nil:
			if v, ok := p.Value.(*js.Var); ok { // {apps}
				m[string(v.Name())] = s.eval(v, depth+1)
			}
		case p.Name.IsComputed():
			if key, ok := s.eval(p.Name.Computed, depth+1).(string); ok {
				m[key] = s.eval(p.Value, depth+1)
			}
		default:
			key := string(p.Name.Literal.Data)
			if p.Name.Literal.TokenType == js.StringToken && len(key) >= 2 {
				key = unquote(key[1 : len(key)-1])
			}
			m[key] = s.eval(p.Value, depth+1)
		}
		if s.nodes > maxNodes {
			break
		}
	}
	return m
}

func (s *script) template(e *js.TemplateExpr, depth int) any {
	if e.Tag != nil {
		return opaque(e)
	}
	var b strings.Builder
	for _, part := range e.List {
		b.WriteString(templateText(string(part.Value)))
		v, ok := asText(s.eval(part.Expr, depth+1))
		if !ok || b.Len()+len(v) > maxText {
			return opaque(e)
		}
		b.WriteString(v)
	}
	b.WriteString(templateText(string(e.Tail)))
	return b.String()
}

// templateText takes the delimiters of a template's piece away.
func templateText(s string) string {
	if strings.HasPrefix(s, "`") || strings.HasPrefix(s, "}") {
		s = s[1:]
	}
	return unquote(strings.TrimSuffix(strings.TrimSuffix(s, "`"), "${"))
}

func (s *script) unary(e *js.UnaryExpr, depth int) any {
	v := s.eval(e.X, depth+1)
	switch uint16(e.Op) {
	case uint16(js.NegToken):
		if f, ok := v.(float64); ok {
			return -f
		}
	case uint16(js.PosToken):
		return v
	case uint16(js.NotToken):
		if b, ok := known(v); ok {
			return !b
		}
	}
	return opaque(e)
}

func (s *script) binary(e *js.BinaryExpr, depth int) any {
	x, y := s.eval(e.X, depth+1), s.eval(e.Y, depth+1)
	switch uint16(e.Op) {
	case uint16(js.OrToken), uint16(js.NullishToken):
		if name, ok := environmentName(x); ok {
			if text, ok := asText(y); ok && plain(text) && !strings.ContainsAny(text, "{}") {
				return fromEnvOr(name, text)
			}
			return opaque(e)
		}
		if b, ok := known(x); ok {
			if b {
				return x
			}
			return y
		}
	case uint16(js.AndToken):
		if b, ok := known(x); ok {
			if b {
				return y
			}
			return x
		}
	case uint16(js.AddToken):
		a, first := x.(float64)
		b, second := y.(float64)
		if first && second {
			return a + b
		}
		left, okLeft := asText(x)
		right, okRight := asText(y)
		if okLeft && okRight && len(left)+len(right) <= maxText {
			return left + right
		}
	case uint16(js.MulToken):
		a, first := x.(float64)
		b, second := y.(float64)
		if first && second {
			return a * b
		}
	}
	return opaque(e)
}

// environmentName is NAME of a value that is process.env.NAME and nothing else.
func environmentName(v any) (string, bool) {
	text, ok := v.(string)
	if !ok {
		return "", false
	}
	name, ok := strings.CutPrefix(text, markOpen+"env:")
	if !ok {
		return "", false
	}
	name, rest, ok := strings.Cut(name, markClose)
	return name, ok && rest == "" && !strings.Contains(name, ":-")
}

// known is the truth of a value, if it is literal.
func known(v any) (truth, ok bool) {
	switch v := v.(type) {
	case nil:
		return false, true
	case bool:
		return v, true
	case float64:
		return v != 0, true
	case string:
		return v != "", plain(v)
	case []any, map[string]any:
		return true, true
	default:
		return false, false
	}
}

// asText is how a value looks within a text.
func asText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.FormatInt(int64(v), 10), true
		}
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case bool:
		return strconv.FormatBool(v), true
	default:
		return "", false
	}
}
