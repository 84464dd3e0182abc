package pages

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/web/pages/draw"
	"github.com/dingdag/dingdag/web/pages/page"
	"github.com/dingdag/dingdag/web/pages/words"
)

// perPage is how many DAGs a page of the list has.
const perPage = 50

// AtPage is the address of another page of the list.
func (v *view) AtPage(n int) string {
	q := v.r.URL.Query()
	q.Set("page", strconv.Itoa(n))
	return v.p.o.Base + v.r.URL.EscapedPath() + "?" + q.Encode()
}

// dagsData is the list of DAGs.
type dagsData struct {
	page.Pager
	overview.DAGs

	Rows  []dagRow
	Query overview.Query
	// Paused is the filter as the form has it, Filtered says that something is filtered out.
	Paused string
	// Favorites says that only the favourites of whoever asks are shown.
	Favorites bool
	Filtered  bool
	States    []string
}

// dagRow is a DAG with what whoever asks may do.
type dagRow struct {
	overview.Row

	Operates, Favorite bool
}

func showDAGs(v *view) error {
	f := v.r.URL.Query()
	q := overview.Query{Search: f.Get("q"), Tag: f.Get("tag"), Owner: f.Get("owner"), LastState: f.Get("state"), Scope: v.Visitor.Sees, Limit: perPage}
	if overview.UnknownState(q.LastState) {
		return &refusedError{http.StatusUnprocessableEntity, "error.state", nil}
	}
	paused, err := page.Choice(f.Get("paused"))
	if err != nil {
		return err
	}
	q.Paused = paused
	n, err := page.At(v.r)
	if err != nil {
		return err
	}
	q.Offset = (n - 1) * perPage
	favorites, err := v.p.o.Browse.Favorites(v.ctx())
	if err != nil {
		return err
	}
	chosen, err := page.Choice(f.Get("favorite"))
	if err != nil {
		return err
	}
	only := chosen != nil && *chosen
	if only {
		q.Among = favorites
	}
	found, err := v.overview.DAGs(v.ctx(), q)
	if err != nil {
		return err
	}
	d := dagsData{Pager: page.Paged(n, found.Total, perPage), DAGs: *found, Query: q, Paused: f.Get("paused"), Favorites: only}
	for _, s := range api.RunStates() {
		d.States = append(d.States, string(s))
	}
	d.Filtered = q.Search+q.Tag+q.Owner+q.LastState+d.Paused != "" || only
	for _, r := range found.Rows {
		d.Rows = append(d.Rows, dagRow{r, v.operates(r.DAGID, r.Tags, r.Owners), favorites[r.DAGID]})
	}
	v.Title, v.Nav = v.say("dags.title"), "dags"
	v.follow("", "")
	return v.render(http.StatusOK, "dags", d)
}

// operates reports whether whoever asks may change the runs of a DAG.
func (v *view) operates(id string, tags, owners []string) bool {
	return v.Visitor.Operates == nil || v.Visitor.Operates(id, tags, owners)
}

const (
	barWidth  = 7
	barGap    = 2
	barHeight = 28
	leastBar  = 4
)

// Bars are runs as bars as high as they took long, the newest at the right.
func (v *view) Bars(runs []api.Run) template.HTML {
	if len(runs) == 0 {
		return ""
	}
	longest := 0.0
	for _, r := range runs {
		longest = max(longest, v.lasted(&r))
	}
	width := overview.Bars * (barWidth + barGap)
	var b strings.Builder
	b.WriteString(`<svg class="bars" width="` + strconv.Itoa(width) + `" height="` + strconv.Itoa(barHeight) + `" role="group" aria-label="` + template.HTMLEscapeString(v.say("dags.bars")) + `">`)
	x := (overview.Bars - len(runs)) * (barWidth + barGap)
	for _, r := range runs {
		height := leastBar
		if longest > 0 {
			height = max(leastBar, int(barHeight*v.lasted(&r)/longest))
		}
		state := draw.Known(string(r.State))
		what := v.say(words.Key("state."+state)) + " · " + r.RunID
		if r.Duration != nil {
			what += " · " + v.Took(r.Duration)
		}
		b.WriteString(`<a href="` + template.HTMLEscapeString(v.Link("dags", r.DAGID, "runs", r.RunID)) + `" tabindex="-1"><rect class="` + state +
			`" x="` + strconv.Itoa(x) + `" y="` + strconv.Itoa(barHeight-height) + `" width="` + strconv.Itoa(barWidth) + `" height="` + strconv.Itoa(height) +
			`"><title>` + template.HTMLEscapeString(what) + `</title></rect></a>`)
		x += barWidth + barGap
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // each part is escaped
}

// lasted is for how many seconds a run lasted, or has lasted.
func (v *view) lasted(r *api.Run) float64 {
	switch {
	case r.Duration != nil:
		return *r.Duration
	case r.StartDate != nil:
		return max(0, v.now.Sub(*r.StartDate).Seconds())
	default:
		return 0
	}
}

// head is that of the DAG in the path, if whoever asks may look at it.
func (v *view) head() (*overview.Head, error) {
	h, err := v.overview.Head(v.ctx(), v.r.PathValue("dag_id"))
	switch {
	case errors.Is(err, api.ErrNotFound) && v.Visitor.Sees != nil: // whether there is another one is not theirs to know
		return nil, &refusedError{http.StatusForbidden, "error.forbidden", nil}
	case err != nil:
		return nil, err
	}
	if v.Visitor.Sees != nil && !v.Visitor.Sees(h.ID, h.Tags, h.Owners) {
		return nil, &refusedError{http.StatusForbidden, "error.forbidden", nil}
	}
	return h, nil
}

// operated is the same of a DAG that whoever asks may change.
func (v *view) operated() (*overview.Head, error) {
	h, err := v.head()
	if err == nil && !v.operates(h.ID, h.Tags, h.Owners) {
		return nil, &refusedError{http.StatusForbidden, "error.forbidden", nil}
	}
	return h, err
}

func pauseDAG(v *view) error {
	h, err := v.operated()
	if err != nil {
		return err
	}
	paused, err := page.Choice(v.r.PostForm.Get("paused"))
	if err != nil {
		return err
	}
	if paused == nil {
		return &refusedError{http.StatusUnprocessableEntity, "error.choice", nil}
	}
	if err := v.overview.API().Pause(v.ctx(), h.ID, *paused); err != nil {
		return err
	}
	return v.back(v.Link("dags", h.ID))
}

// setFavorite makes a DAG a favourite of whoever asks, or takes that away. What is so already stays so: another tab may have asked for it.
func setFavorite(v *view) error {
	h, err := v.head()
	if err != nil {
		return err
	}
	favorite, err := page.Choice(v.r.PostForm.Get("favorite"))
	if err != nil {
		return err
	}
	if favorite == nil {
		return &refusedError{http.StatusUnprocessableEntity, "error.choice", nil}
	}
	err = v.p.o.Browse.SetFavorite(v.ctx(), h.ID, *favorite)
	if err != nil && !errors.Is(err, api.ErrExists) && !errors.Is(err, browse.ErrNoFavorite) {
		return err
	}
	return v.back(v.Link("dags"))
}

// back goes to the page that the form was on, or to another one.
func (v *view) back(instead string) error {
	to := instead
	if text := v.r.PostForm.Get("back"); text != "" {
		to = v.p.o.Base + local(text)
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther) //nolint:gosec // local has only paths of ours
	return nil
}

// follow makes the page follow the changes of a DAG, of a run, or of everything.
func (v *view) follow(dagID, runID string) {
	q := url.Values{"dag_id": {dagID}}
	if runID != "" {
		q.Set("run_id", runID)
	}
	v.Topic = q.Encode()
}
