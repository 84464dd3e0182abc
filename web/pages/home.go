package pages

import (
	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/api/overview"
)

// homeData is what somebody on call wants to know first.
type homeData struct {
	Home *overview.Home
	// Health is nil when it is not known.
	Health *health.Health
}

func showHome(v *view) error {
	h, err := v.overview.Home(v.ctx(), v.Visitor.Sees)
	if err != nil {
		return err
	}
	v.Title, v.Nav = v.say("home.title"), "home"
	v.follow("", "")
	return v.render(200, "home", homeData{h, v.p.o.Health(v.ctx())})
}
