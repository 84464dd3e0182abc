package template

import (
	"github.com/dingdag/dingdag/template/internal/eval"
	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pyconv"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Session renders templates that see one [Context], as the fields of a task do. What the
// context holds is converted once and they share it, as in Airflow: what one of them changes
// in place, for instance by params.update, those after it see. A session is for one goroutine,
// and the context must not change while it is in use.
type Session struct {
	env *Env
	r   *render
}

// Session begins with nothing converted.
func (e *Env) Session(c *Context) *Session {
	if c == nil {
		c = &Context{}
	}
	return &Session{env: e, r: &render{env: e, ctx: c, made: map[string]any{}}}
}

// Render is [Env.Render].
func (s *Session) Render(src string) (string, error) {
	if !yamlvalue.HoldsTemplate(src) {
		return lang.Normalize(src), nil
	}
	t, err := s.env.parse(src, s.r.ctx.Include)
	if err != nil {
		return "", err
	}
	s.r.budget = s.env.budget()
	text, err := eval.Render(t, s.r.context())
	if err != nil {
		return "", s.env.mistake(err)
	}
	return text, nil
}

// RenderNative is [Env.RenderNative].
func (s *Session) RenderNative(src string) (value any, text string, err error) {
	b := s.env.budget()
	if !yamlvalue.HoldsTemplate(src) {
		text = lang.Normalize(src)
		value, err = eval.Literal(b, text)
		if err == nil {
			value, err = pyconv.ToGo(s.env.budget(), value)
		}
		if err != nil {
			return nil, "", &Error{Line: 1, Column: 1, Message: err.Error(), Err: err}
		}
		return value, text, nil
	}
	t, err := s.env.parse(src, s.r.ctx.Include)
	if err != nil {
		return nil, "", err
	}
	s.r.budget = b
	value, text, err = eval.RenderNative(t, s.r.context())
	if err == nil {
		value, err = pyconv.ToGo(b, value)
	}
	if err != nil {
		return nil, "", s.env.mistake(err)
	}
	return value, text, nil
}
