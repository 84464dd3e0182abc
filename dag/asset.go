package dag

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// Asset is something that tasks write and DAGs wait for (Airflow, Asset; before 3.0
// Dataset). Its URI says which one it is: two with the same URI are the same asset.
type Asset struct {
	// URI has its scheme in lower case, no user, no fragment and no slash at the end. It is
	// the name of an asset that has only a name.
	URI string
	// Name is the URI when the file gives none.
	Name string
	// Group is "asset" unless set.
	Group string
	// Extra is what the file says besides, free-form.
	Extra *Map
	// Watchers make events of the asset when something outside happens, in the order of the file.
	Watchers []Watcher
}

// Watcher makes an event of an asset each time that its trigger says so (Airflow, AssetWatcher).
type Watcher struct {
	// Name is unique among the watchers of the asset in one place of a file.
	Name    string
	Trigger Trigger
}

// Trigger is what a watcher waits for.
type Trigger struct {
	// Name is the registered short name, for instance "dingtalk".
	Name string
	Pos  Position
	// Args holds the trigger's own parameters as a YAML mapping, undecoded but checked.
	Args *yaml.Node
}

// AssetCondition says which assets a DAG waits for: one, or several conditions of which
// all or any must hold.
type AssetCondition struct {
	// Asset is the asset of a condition without parts.
	Asset *Asset
	// Of has the parts, two or more; Any says that one of them is enough.
	Of  []*AssetCondition
	Any bool
}

// Met reports whether the condition holds when exactly the assets have been updated whose
// URI updated reports. It is false for a nil condition.
func (c *AssetCondition) Met(updated func(uri string) bool) bool {
	if c == nil {
		return false
	}
	if c.Asset != nil {
		return updated(c.Asset.URI)
	}
	for _, part := range c.Of {
		if part.Met(updated) == c.Any {
			return c.Any
		}
	}
	return !c.Any
}

// Assets lists the assets of the condition, each once, in the order of the file. It is
// nil for a nil condition.
func (c *AssetCondition) Assets() []*Asset {
	var list []*Asset
	seen := map[string]bool{}
	var walk func(*AssetCondition)
	walk = func(c *AssetCondition) {
		if c.Asset != nil && !seen[c.Asset.URI] {
			seen[c.Asset.URI] = true
			list = append(list, c.Asset)
		}
		for _, part := range c.Of {
			walk(part)
		}
	}
	if c != nil {
		walk(c)
	}
	return list
}

// String returns the condition for people: "a and (b or c)", by the names of the assets.
func (c *AssetCondition) String() string {
	if c == nil {
		return ""
	}
	if c.Asset != nil {
		return c.Asset.Name
	}
	texts := make([]string, len(c.Of))
	for i, part := range c.Of {
		texts[i] = part.String()
		if part.Asset == nil {
			texts[i] = "(" + texts[i] + ")"
		}
	}
	if c.Any {
		return strings.Join(texts, " or ")
	}
	return strings.Join(texts, " and ")
}

// JoinConditions makes one condition of several. Parts that are of the same kind are
// taken apart, so that a condition has one form however it is written.
func JoinConditions(anyOf bool, parts []*AssetCondition) *AssetCondition {
	joined := &AssetCondition{Any: anyOf}
	seen := map[string]bool{}
	for _, part := range parts {
		inner := []*AssetCondition{part}
		if part.Asset == nil && part.Any == anyOf {
			inner = part.Of
		}
		for _, p := range inner {
			if p.Asset != nil {
				if seen[p.Asset.URI] {
					continue
				}
				seen[p.Asset.URI] = true
			}
			joined.Of = append(joined.Of, p)
		}
	}
	if len(joined.Of) == 1 {
		return joined.Of[0]
	}
	return joined
}

// AllAssets lists the assets that the DAG waits for and those that its tasks read and write. One that
// several places name is there several times.
func (d *DAG) AllAssets() []*Asset {
	list := d.Assets.Assets()
	for _, t := range d.Tasks {
		list = append(append(list, t.Outlets...), t.Inlets...)
	}
	return list
}

// ScheduleSummary says for people when the DAG runs: by time, by assets, or by either.
func (d *DAG) ScheduleSummary() string {
	switch {
	case d.Assets == nil:
		return d.Timetable.Summary()
	case d.Schedule.Kind == NoSchedule:
		return "when updated: " + d.Assets.String()
	default:
		return d.Timetable.Summary() + ", or when updated: " + d.Assets.String()
	}
}

// DefaultAssetGroup is the group of an asset that names none.
const DefaultAssetGroup = "asset"

// maxAssetText is how many characters a name or URI of an asset may have (Airflow 3).
const maxAssetText = 1500

// CheckAssetText checks what holds for names, groups and URIs of assets alike. An error goes
// on "the name of an asset".
func CheckAssetText(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return errors.New("is empty")
	case len(text) > maxAssetText:
		return fmt.Errorf("has more than %d characters", maxAssetText)
	case yamlvalue.HoldsTemplate(text):
		return errors.New("has a template, which is not rendered there: write the name itself")
	}
	for _, c := range text {
		if c < ' ' || c > '~' {
			return fmt.Errorf("has the character %q: only printable ASCII characters are allowed there", c)
		}
	}
	return nil
}

// AssetURI checks the URI of an asset and brings it into the normal form that [Asset] has
// (Airflow, _sanitize_uri). A text without scheme stays as it is. dropped says that a user or
// password was left out.
func AssetURI(text string) (uri string, dropped bool, err error) {
	if uri, dropped, err = normalURI(text); err != nil {
		return "", false, fmt.Errorf("the URI of an asset %w", err)
	}
	return uri, dropped, nil
}

func normalURI(text string) (uri string, dropped bool, err error) {
	if err := CheckAssetText(text); err != nil {
		return "", false, err
	}
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return text, false, nil
	}
	scheme = strings.ToLower(scheme)
	if !isScheme(scheme) {
		return "", false, errors.New("has no scheme of letters, digits, +, - and . before ://")
	}
	if scheme == "airflow" {
		return "", false, errors.New("has the scheme airflow, which is reserved")
	}
	if strings.Contains(rest, " ") {
		return "", false, errors.New("has a space: write %20")
	}
	if strings.HasPrefix(scheme, "x-") {
		return text, false, nil
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	host, path, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host, dropped = host[at+1:], true
	}
	path = strings.TrimRight(path, "/")
	switch {
	case host == "" && scheme != "file":
		return "", false, fmt.Errorf("has nothing between %s:// and the path", scheme)
	case scheme == "file" && path == "":
		return "", false, errors.New("has no path: write file:///folder/name")
	case path != "":
		path = "/" + path
	}
	if query != "" {
		values, err := url.ParseQuery(query)
		if err != nil {
			return "", false, errors.New("has a query that cannot be read")
		}
		query = "?" + values.Encode()
	}
	return scheme + "://" + host + path + query, dropped, nil
}

func isScheme(s string) bool {
	for i, c := range s {
		if (c < 'a' || c > 'z') && (i == 0 || (c < '0' || c > '9') && !strings.ContainsRune("+-.", c)) {
			return false
		}
	}
	return s != ""
}
