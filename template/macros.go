package template

import (
	cryptorand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/template/internal/pyconv"
	"github.com/dingdag/dingdag/template/internal/pytime"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

// newMacros makes macros. random returns numbers in [0, 1).
func newMacros(clock func() time.Time, random func() float64) *pyval.Module {
	return &pyval.Module{
		Name: "macros",
		Funcs: map[string]pyval.Method{
			"ds_add":                   macroDSAdd,
			"ds_format":                macroDSFormat,
			"datetime_diff_for_humans": diffForHumans(clock),
			"timedelta":                pytime.MakeDelta,
		},
		Values: map[string]any{
			"datetime": datetimeClass(clock),
			"dateutil": dateutilModule(),
			"time":     timeModule(clock),
			"uuid":     uuidModule(),
			"random":   randomModule(random),
			"json":     jsonModule(),
			"yaml":     yamlModule(),
		},
	}
}

func macroDSAdd(_ *pyval.Budget, a *pyval.Args) (any, error) {
	ds, days := a.Text("ds"), a.Int("days")
	if err := a.Done(); err != nil {
		return nil, err
	}
	if days == 0 { // as in Airflow, unchecked
		return ds, nil
	}
	t, err := pytime.Strptime(ds, "%Y-%m-%d")
	if err != nil {
		return nil, err
	}
	const most = 4_000_000 // days in ten thousand years, and some
	if days < -most || days > most {
		return nil, fmt.Errorf("ds_add: %d days are too many", days)
	}
	moved := t.Time().AddDate(0, 0, days)
	if moved.Year() < 1 || moved.Year() > 9999 {
		return nil, errors.New("ds_add: the year is not between 1 and 9999")
	}
	return moved.Format(time.DateOnly), nil
}

func macroDSFormat(_ *pyval.Budget, a *pyval.Args) (any, error) {
	ds, in, out := a.Text("ds"), a.Text("input_format"), a.Text("output_format")
	if err := a.Done(); err != nil {
		return nil, err
	}
	t, err := pytime.Strptime(ds, in)
	if err != nil {
		return nil, err
	}
	return t.Format(out)
}

// refusedMacros are macros of Airflow that are not there, and what to write instead.
var refusedMacros = map[string]string{
	"ds_format_locale": "the names of months and days are English here: use macros.ds_format for English or for numbers, such as '%Y年%-m月%-d日', and a list for names: ['周一', '周二', …][logical_date.weekday()]",
}

func diffForHumans(clock func() time.Time) pyval.Method {
	return func(_ *pyval.Budget, a *pyval.Args) (any, error) {
		v, since := a.Any("dt"), a.AnyOr("since", nil)
		if err := a.Done(); err != nil {
			return nil, err
		}
		t, ok := v.(pytime.DateTime)
		if !ok {
			return nil, fmt.Errorf("datetime_diff_for_humans: needs a datetime, not %q", pyval.TypeName(v))
		}
		if since == nil {
			return pytime.Humanize(t.Time(), clock(), true), nil
		}
		other, ok := since.(pytime.DateTime)
		if !ok {
			return nil, fmt.Errorf("datetime_diff_for_humans: needs a datetime, not %q", pyval.TypeName(since))
		}
		return pytime.Humanize(t.Time(), other.Time(), false), nil
	}
}

// datetimeClass is the class datetime.datetime.
func datetimeClass(clock func() time.Time) any {
	naiveNow := func(_ *pyval.Budget, a *pyval.Args) (any, error) {
		return pytime.NewNaiveDateTime(clock().UTC()), a.Done()
	}
	return &pyval.Module{
		Name: "datetime",
		Call: pytime.MakeDateTime,
		Values: map[string]any{
			"min": pytime.NewNaiveDateTime(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)),
			"max": pytime.NewNaiveDateTime(time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)),
		},
		Funcs: map[string]pyval.Method{
			"now": func(_ *pyval.Budget, a *pyval.Args) (any, error) {
				return pytime.InZone(clock().UTC(), a)
			},
			"utcnow": naiveNow,
			"utcfromtimestamp": func(_ *pyval.Budget, a *pyval.Args) (any, error) {
				t, err := timestamp(a)
				if err != nil {
					return nil, err
				}
				return pytime.NewNaiveDateTime(t), a.Done()
			},
			"today": naiveNow,
			"strptime": func(_ *pyval.Budget, a *pyval.Args) (any, error) {
				text, format := a.Text("date_string"), a.Text("format")
				if err := a.Done(); err != nil {
					return nil, err
				}
				return pytime.Strptime(text, format)
			},
			"fromisoformat": parseISO(false),
			"fromtimestamp": func(_ *pyval.Budget, a *pyval.Args) (any, error) {
				t, err := timestamp(a)
				if err != nil {
					return nil, err
				}
				return pytime.InZone(t, a)
			},
		},
	}
}

// timestamp takes seconds since 1970.
func timestamp(a *pyval.Args) (time.Time, error) {
	seconds := a.FloatOr("timestamp", math.NaN())
	if math.IsNaN(seconds) || math.Abs(seconds) > 2.5e11 {
		return time.Time{}, errors.New("fromtimestamp: needs a number of seconds")
	}
	return time.UnixMicro(int64(math.RoundToEven(seconds * 1e6))).UTC(), nil
}

var isoLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05Z0700",
	"2006-01-02 15:04:05Z0700", "20060102T150405Z0700",
}

var naiveLayouts = []string{
	"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly,
	"20060102T150405", "20060102",
}

// looseLayouts are read by dateutil besides.
var looseLayouts = []string{"2006/01/02", "2006/01/02 15:04:05", "2006/1/2", "Jan 2, 2006", "January 2, 2006", "2 Jan 2006", "2 January 2006"}

// parseISO reads the ISO forms of a datetime, and when it is loose some others that mean
// one thing only.
func parseISO(loose bool) pyval.Method {
	return func(_ *pyval.Budget, a *pyval.Args) (any, error) {
		text := a.Text("date_string")
		if err := a.Done(); err != nil {
			return nil, err
		}
		for _, l := range isoLayouts {
			if t, err := time.Parse(l, text); err == nil {
				return pytime.NewPlainDateTime(t), nil
			}
		}
		layouts := naiveLayouts
		if loose {
			if t, err := time.Parse(time.RFC1123Z, text); err == nil {
				return pytime.NewPlainDateTime(t), nil
			}
			layouts = slices.Concat(naiveLayouts, looseLayouts)
		}
		for _, l := range layouts {
			if t, err := time.Parse(l, text); err == nil {
				return pytime.NewNaiveDateTime(t), nil
			}
		}
		return nil, fmt.Errorf("%q is not a date in ISO form: macros.datetime.strptime(text, format) reads others", text)
	}
}

func dateutilModule() any {
	return &pyval.Module{Name: "dateutil", Values: map[string]any{
		"parser": &pyval.Module{Name: "dateutil.parser", Funcs: map[string]pyval.Method{
			"parse": parseISO(true), "isoparse": parseISO(false),
		}},
		"relativedelta": &pyval.Module{Name: "dateutil.relativedelta", Funcs: map[string]pyval.Method{
			"relativedelta": pytime.MakeRelativeDelta,
		}},
	}}
}

func timeModule(clock func() time.Time) any {
	return &pyval.Module{Name: "time", Funcs: map[string]pyval.Method{
		"time": func(_ *pyval.Budget, a *pyval.Args) (any, error) { return floatSeconds(clock()), a.Done() },
		"strftime": func(_ *pyval.Budget, a *pyval.Args) (any, error) {
			format := a.Text("format")
			if err := a.Done(); err != nil {
				return nil, err
			}
			return pytime.Strftime(clock().UTC(), false, format)
		},
	}}
}

func uuidModule() any {
	return &pyval.Module{Name: "uuid", Funcs: map[string]pyval.Method{
		"uuid4": func(_ *pyval.Budget, a *pyval.Args) (any, error) {
			if err := a.Done(); err != nil {
				return nil, err
			}
			var b [16]byte
			// crypto/rand never fails: it ends the program instead.
			_, _ = cryptorand.Read(b[:])
			b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
			return uuidValue(b), nil
		},
	}}
}

type uuidValue [16]byte

func (u uuidValue) TypeName() string           { return "UUID" }
func (u uuidValue) Method(string) pyval.Method { return nil }
func (u uuidValue) Names() []string            { return []string{"hex"} }
func (u uuidValue) Repr() string               { return "UUID('" + u.Str() + "')" }

func (u uuidValue) Str() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

func (u uuidValue) Attr(name string) (any, error) {
	if name == "hex" {
		return hex.EncodeToString(u[:]), nil
	}
	return pyval.Undefined{}, nil
}

// randomModule is callable, as random.random, and has the functions of the module.
func randomModule(random func() float64) any {
	number := func(_ *pyval.Budget, a *pyval.Args) (any, error) { return random(), a.Done() }
	return &pyval.Module{
		Name: "random",
		Call: number,
		Funcs: map[string]pyval.Method{
			"random": number,
			"uniform": func(_ *pyval.Budget, a *pyval.Args) (any, error) {
				low, high := a.FloatOr("a", 0), a.FloatOr("b", 1)
				return low + (high-low)*random(), a.Done()
			},
			"randint": func(_ *pyval.Budget, a *pyval.Args) (any, error) {
				low, high := a.Int("a"), a.Int("b")
				if err := a.Done(); err != nil {
					return nil, err
				}
				if low > high || high-low > math.MaxInt32 {
					return nil, errors.New("randint: the range is empty or too large")
				}
				return int64(low) + int64(random()*float64(high-low+1)), nil
			},
			"choice": func(b *pyval.Budget, a *pyval.Args) (any, error) {
				seq := a.Any("seq")
				if err := a.Done(); err != nil {
					return nil, err
				}
				items, err := pyval.Iterate(b, seq)
				if err != nil {
					return nil, err
				}
				if len(items) == 0 {
					return nil, errors.New("choice: the sequence is empty")
				}
				return items[int(random()*float64(len(items)))], nil
			},
		},
	}
}

func jsonModule() any {
	return &pyval.Module{Name: "json", Funcs: map[string]pyval.Method{
		"loads": func(_ *pyval.Budget, a *pyval.Args) (any, error) {
			text := a.Text("s")
			if err := a.Done(); err != nil {
				return nil, err
			}
			return pyconv.FromJSON([]byte(text))
		},
		"dumps": jsonDumps,
	}}
}

func jsonDumps(b *pyval.Budget, a *pyval.Args) (any, error) {
	v := a.Any("obj")
	o := pyconv.JSONOptions{ASCII: a.KeywordTruth("ensure_ascii", true), SortKeys: a.KeywordTruth("sort_keys", false)}
	indent, seps := a.KeywordOr("indent", nil), a.KeywordOr("separators", nil)
	if err := a.Done(); err != nil {
		return nil, err
	}
	switch n := indent.(type) {
	case nil:
	case string:
		o.Lines, o.Indent = true, n
	case int64:
		if n > 100 {
			return nil, errors.New("dumps: the indent is too large")
		}
		o.Lines, o.Indent = true, strings.Repeat(" ", int(max(n, 0)))
	}
	if seps != nil {
		pair, err := pyval.Iterate(b, seps)
		if err != nil || len(pair) != 2 {
			return nil, errors.New("dumps: separators is a pair of texts")
		}
		var itemOK, keyOK bool
		o.ItemSep, itemOK = pair[0].(string)
		o.KeySep, keyOK = pair[1].(string)
		if !itemOK || !keyOK {
			return nil, errors.New("dumps: separators is a pair of texts")
		}
	}
	return pyconv.ToJSON(b, v, o)
}

// floatSeconds is a time as Python counts it.
func floatSeconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
