package pages

import (
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/web/pages/page"
)

// homeData is what somebody on call wants to know first.
type homeData struct {
	Home *overview.Home
	// Health is nil when it is not known.
	Health *health.Health
	// Asks is how many questions of tasks wait for an answer.
	Asks int
}

// mostAsks is up to which number questions are counted.
const mostAsks = 100

func showHome(v *view) error {
	h, err := v.overview.Home(v.ctx(), v.Visitor.Sees)
	if err != nil {
		return err
	}
	sees, err := v.overview.Scoped(v.Visitor.Sees)
	if err != nil {
		return err
	}
	open, _, err := page.Scan(mostAsks, "", func(p api.Page) (api.List[asks.Ask], error) {
		return v.p.o.Asks(v.ctx()).List(v.ctx(), asks.Query{States: asks.Open(), Page: p})
	}, func(a asks.Ask) int64 { return a.ID }, func(a asks.Ask) (bool, error) { return sees.Has(v.ctx(), a.DAGID) })
	if err != nil {
		return err
	}
	v.Title, v.Nav = v.say("home.title"), "home"
	v.follow("", "")
	return v.render(200, "home", homeData{h, v.p.o.Health(v.ctx()), len(open)})
}
