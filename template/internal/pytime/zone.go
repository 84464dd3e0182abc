package pytime

import (
	"fmt"
	"time"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

// Zone is the zone of a datetime; it prints as its name.
type Zone struct {
	loc   *time.Location
	plain bool // Python's own, which knows only UTC and offsets
}

// TypeName implements [Object].
func (z Zone) TypeName() string { return "Timezone" }

// Str implements [Printer].
func (z Zone) Str() string { return z.loc.String() }

// Repr implements [Printer].
func (z Zone) Repr() string {
	switch {
	case !z.plain:
		return "Timezone('" + z.loc.String() + "')"
	case z.loc == time.UTC:
		return "datetime.timezone.utc"
	}
	_, seconds := time.Time{}.In(z.loc).Zone()
	return "datetime.timezone(" + NewDelta(time.Duration(seconds)*time.Second).Repr() + ")"
}

// Attr implements [Object].
func (z Zone) Attr(name string) (any, error) {
	if name == "name" {
		return z.loc.String(), nil
	}
	return pyval.Undefined{}, nil
}

// Method implements [Object]; there is none.
func (z Zone) Method(string) pyval.Method { return nil }

// Names implements [Object].
func (z Zone) Names() []string { return []string{"name"} }

// CompareTo tells equal zones from others.
func (z Zone) CompareTo(other any) (int, bool, error) {
	o, ok := other.(Zone)
	if !ok || z.loc.String() != o.loc.String() {
		return 0, false, nil
	}
	return 0, true, nil
}

// zone returns the zone that a template names, or that it has from a datetime.
func zone(v any, a *pyval.Args) (*time.Location, error) {
	if err := a.Done(); err != nil {
		return nil, err
	}
	if z, ok := v.(Zone); ok {
		return z.loc, nil
	}
	name, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("%s: the time zone must be a name such as 'Asia/Shanghai', not %q", a.Func(), pyval.TypeName(v))
	}
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("%s: unknown time zone %q", a.Func(), name)
	}
	return loc, nil
}

// HashKey implements pyval.Hashable.
func (z Zone) HashKey() (any, error) { return z.loc.String(), nil }
