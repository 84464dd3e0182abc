package rest

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dingdag/dingdag/api/browse"
)

// All stands in a path for every DAG, run or task.
const All = "~"

// MaxLimit is the longest page. A longer one that is asked for is cut.
const MaxLimit = 100

// Page selects a part of a list, as an embedded field of an input.
type Page struct {
	Limit  int `query:"limit" default:"50" minimum:"0" doc:"How many there are on the page. More than 100 are cut to 100."`
	Offset int `query:"offset" default:"0" minimum:"0" doc:"How many are passed over."`
}

// Of is the page in an order.
func (p Page) Of(o Order) browse.Page {
	return browse.Page{Limit: min(p.Limit, MaxLimit), Offset: p.Offset, Order: o}
}

// Cut is the page of what is at hand.
func Cut[T any](p Page, all []T) []T {
	from := min(p.Offset, len(all))
	return all[from:min(from+min(p.Limit, MaxLimit), len(all))]
}

// Order is the order of a list, by the names in the tag order, whose default is in the tag default.
type Order []browse.Key

// maxOrder is by how many things can be ordered.
const maxOrder = 10

// TimeRange bounds a moment by the parameters with _gte, _gt, _lte and _lt behind the name in the tag query.
type TimeRange = browse.Range[time.Time]

// FloatRange does the same for a number.
type FloatRange = browse.Range[float64]

// Pattern is in what it matches, see [browse.ParseLike].
type Pattern string

// Like is what the pattern matches.
func (p Pattern) Like() browse.Like { return browse.ParseLike(string(p)) }

// Filter are the values of one of which something must be. An unknown one is refused with a text rather
// than a list of problems.
type Filter []string

// Time is a moment in an answer, in UTC with a Z, with microseconds unless they are zero. In the body of a
// request it is read in the forms of [ParseTime].
type Time struct{ time.Time }

// At is a moment for an answer.
func At(t time.Time) Time { return Time{t} }

// Maybe is a moment for an answer, null for the zero one.
func Maybe(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	return &Time{t}
}

// Moment is the same for one that may be missing.
func Moment(t *time.Time) *Time {
	if t == nil {
		return nil
	}
	return Maybe(*t)
}

// OrZero is the moment that a request has sent, the zero one for none.
func OrZero(t *Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

// Some is a value for an answer, null for the zero one.
func Some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// OrEmpty is a text that a request has sent, empty for null.
func OrEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// MarshalJSON writes it.
func (t Time) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

// String is the moment as it is in answers.
func (t Time) String() string {
	u := t.UTC().Truncate(time.Microsecond)
	if u.Nanosecond() == 0 {
		return u.Format("2006-01-02T15:04:05Z")
	}
	return u.Format("2006-01-02T15:04:05.000000Z")
}

// Schema describes it.
func (Time) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time"}
}

// Object is a JSON object of anybody's.
type Object map[string]any

// Schema describes it.
func (Object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// Any is any JSON value.
type Any = json.RawMessage

// Sent are the names of the fields that a body has. A struct for a body may have a field of this type with
// the tag json:"-".
type Sent map[string]bool

var (
	timeType   = reflect.TypeFor[Time]()       //nolint:gochecknoglobals // a constant
	sentType   = reflect.TypeFor[Sent]()       //nolint:gochecknoglobals // a constant
	orderType  = reflect.TypeFor[Order]()      //nolint:gochecknoglobals // a constant
	timesType  = reflect.TypeFor[TimeRange]()  //nolint:gochecknoglobals // a constant
	floatsType = reflect.TypeFor[FloatRange]() //nolint:gochecknoglobals // a constant
	filterType = reflect.TypeFor[Filter]()     //nolint:gochecknoglobals // a constant
	anyType    = reflect.TypeFor[Any]()        //nolint:gochecknoglobals // a constant
	objectType = reflect.TypeFor[Object]()     //nolint:gochecknoglobals // a constant
)

// list are the words of a tag.
func list(tag string) []string {
	if tag == "" {
		return nil
	}
	return strings.Split(tag, ",")
}
