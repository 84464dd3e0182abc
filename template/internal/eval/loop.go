package eval

import (
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

// loop is the variable of that name in a loop.
type loop struct {
	x     *exec
	stmt  *lang.ForStmt
	items []any
	next  int // in items, of what comes after current and the ahead ones
	index int // of the current element, from 0
	depth int // from 0, of a recursive loop

	current, previous any
	// ahead are elements that were looked at before their time: those that the loop's
	// condition takes.
	ahead []any
	// around is the scope in which the loop stands, with its source.
	around *scope
	src    *lang.Source
	// memory is what loop.changed saw last.
	memory pyval.Tuple
}

func (x *exec) loop(s *lang.ForStmt) error {
	v, err := x.must(s.Items)
	if err != nil {
		return err
	}
	return x.loopOver(s, v, 0)
}

// loopOver goes through the elements of v.
func (x *exec) loopOver(s *lang.ForStmt, v any, depth int) error {
	items, err := pyval.Iterate(x.Budget, v)
	if err == nil {
		err = x.Budget.Spend(pyval.ElementCost * len(items))
	}
	if err != nil {
		return x.fail(s.Items.At(), err)
	}
	if err := x.enter(s.Items.At()); err != nil {
		return err
	}
	defer x.leave()
	l := &loop{x: x, stmt: s, items: items, index: -1, depth: depth, around: x.scope, src: x.src, previous: pyval.Undefined{}}
	defer func() { x.scope = l.around }()
	inner := &scope{around: l.around}
	for {
		more, err := l.advance()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if inner.kept {
			inner = &scope{around: l.around}
		}
		inner.names = append(inner.names[:0], binding{"loop", l})
		x.scope = inner
		if err := x.assignEach(&s.Target, l.current); err != nil {
			return err
		}
		if err := x.body(s.Body); err != nil {
			return err
		}
		x.scope = l.around
	}
	if l.index < 0 && s.Else != nil {
		return x.within(func() error { return x.body(s.Else) })
	}
	return nil
}

// assignEach gives an element to the target of a loop.
func (x *exec) assignEach(t *lang.Target, v any) error {
	if err := x.assign(t, v); err != nil {
		return x.fail(t.Span, err)
	}
	return nil
}

// advance goes to the next element.
func (l *loop) advance() (bool, error) {
	v, ok, err := l.pull()
	if err != nil || !ok {
		return false, err
	}
	if l.index >= 0 {
		l.previous = l.current
	}
	l.current = v
	l.index++
	return true, nil
}

// pull takes the next element, from those ahead first.
func (l *loop) pull() (any, bool, error) {
	if len(l.ahead) > 0 {
		v := l.ahead[0]
		l.ahead = l.ahead[1:]
		return v, true, nil
	}
	return l.read()
}

// read takes the next element that the loop's condition takes.
func (l *loop) read() (any, bool, error) {
	for l.next < len(l.items) {
		v := l.items[l.next]
		l.next++
		if l.stmt.Test == nil {
			return v, true, nil
		}
		ok, err := l.takes(v)
		if err != nil {
			return nil, false, err
		}
		if ok {
			return v, true, nil
		}
	}
	return nil, false, nil
}

// takes evaluates the condition of a loop for an element.
func (l *loop) takes(v any) (bool, error) {
	x, scopeNow, srcNow := l.x, l.x.scope, l.x.src
	x.scope, x.src = &scope{around: l.around}, l.src
	defer func() { x.scope, x.src = scopeNow, srcNow }()
	if err := x.assignEach(&l.stmt.Target, v); err != nil {
		return false, err
	}
	got, err := x.must(l.stmt.Test)
	return pyval.Truth(got), err
}

// length reads all that is left.
func (l *loop) length() (int, error) {
	if l.stmt.Test == nil {
		return len(l.items), nil
	}
	for {
		v, ok, err := l.read()
		if err != nil {
			return 0, err
		}
		if !ok {
			return l.index + 1 + len(l.ahead), nil
		}
		l.ahead = append(l.ahead, v)
	}
}

// peek is the element that comes next.
func (l *loop) peek() (any, bool, error) {
	if len(l.ahead) == 0 {
		v, ok, err := l.read()
		if err != nil || !ok {
			return pyval.Undefined{}, false, err
		}
		l.ahead = append(l.ahead, v)
	}
	return l.ahead[0], true, nil
}

func (l *loop) TypeName() string { return "LoopContext" }

func (l *loop) Names() []string {
	return []string{
		"changed", "cycle", "depth", "depth0", "first", "index", "index0", "last", "length", "nextitem", "previtem",
		"revindex", "revindex0",
	}
}

func (l *loop) Attr(name string) (any, error) {
	switch name {
	case "index":
		return int64(l.index + 1), nil
	case "index0":
		return int64(l.index), nil
	case "first":
		return l.index == 0, nil
	case "depth":
		return int64(l.depth + 1), nil
	case "depth0":
		return int64(l.depth), nil
	case "previtem":
		return l.previous, nil
	case "nextitem":
		v, _, err := l.peek()
		return v, err
	case "last":
		_, more, err := l.peek()
		return !more, err
	case "length", "revindex", "revindex0":
		n, err := l.length()
		switch name {
		case "revindex":
			n -= l.index
		case "revindex0":
			n -= l.index + 1
		}
		return int64(n), err
	}
	return pyval.Undefined{}, nil
}

func (l *loop) Method(name string) pyval.Method {
	switch name {
	case "cycle":
		return l.cycle
	case "changed":
		return l.changed
	}
	return nil
}

func (l *loop) cycle(_ *pyval.Budget, a *pyval.Args) (any, error) {
	items := a.More()
	if err := a.Done(); err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, errors.New("cycle: needs at least one item")
	}
	return items[l.index%len(items)], nil
}

// changed reports whether the arguments are others than the last time.
func (l *loop) changed(b *pyval.Budget, a *pyval.Args) (any, error) {
	now := pyval.Tuple(a.More())
	if err := a.Done(); err != nil {
		return nil, err
	}
	if l.memory != nil {
		same, err := pyval.Equal(b, l.memory, now)
		if err != nil || same {
			return false, err
		}
	}
	if l.memory = now; now == nil {
		l.memory = pyval.Tuple{}
	}
	return true, nil
}

// Invoke is loop(items), the next level of a recursive loop.
func (l *loop) Invoke(_ *pyval.Budget, a *pyval.Args) (any, error) {
	if !l.stmt.Recursive {
		return nil, errors.New("the loop is not recursive: {% for … recursive %}")
	}
	v := a.Any("iterable")
	if err := a.Done(); err != nil {
		return nil, err
	}
	x, scopeNow, srcNow := l.x, l.x.scope, l.x.src
	x.scope, x.src = l.around, l.src
	defer func() { x.scope, x.src = scopeNow, srcNow }()
	return x.capture(func() error { return x.loopOver(l.stmt, v, l.depth+1) })
}

func (l *loop) Str() string {
	n, err := l.length()
	if err != nil {
		return "<LoopContext>"
	}
	return fmt.Sprintf("<LoopContext %d/%d>", l.index+1, n)
}

func (l *loop) Repr() string { return l.Str() }
