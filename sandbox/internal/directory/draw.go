package directory

import (
	"net/url"

	"github.com/dingdag/dingdag/sandbox/internal/markup"
)

// draw draws the departments and the people of one of them.
func (s *Service) draw(q url.Values) markup.HTML {
	v := s.view(q)
	people := markup.Format(`
  <p class="empty">Nobody here yet.</p>`)
	if len(v.People) > 0 {
		people = markup.Format(`
  <table class="list">
    <thead><tr><th>Name</th><th>Title</th><th>Departments</th><th>Mobile</th><th>userid</th><th>unionId</th></tr></thead>
    <tbody>{}
    </tbody>
  </table>`, markup.Each(v.People, personView.draw))
	}
	return markup.Format(`
<nav aria-label="Departments">{}
</nav>
<main aria-label="People">
  <h2>{}</h2>{}
</main>
`, markup.Each(v.Departments, departmentView.draw), v.Title, people)
}

func (d departmentView) draw() markup.HTML {
	return markup.Format(`
  <a class="depth{}" href="?view=directory&amp;department={}"{}><span class="chat">{}</span><span class="side">{}</span></a>`,
		d.Depth, d.ID, markup.If(d.Selected, ` aria-current="page"`), d.Name, d.Count)
}

func (p personView) draw() markup.HTML {
	return markup.Format(`
      <tr><td><b>{}</b>{}{}</td><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td><td><code>{}</code></td></tr>`,
		p.Name, markup.If(p.Admin, ` <span class="tag">admin</span>`), markup.If(p.Inactive, ` <span class="tag">invited</span>`),
		p.Title, p.In, p.Mobile, p.UserID, p.UnionID)
}
