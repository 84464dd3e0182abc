package grid

import (
	"regexp"
	"slices"
	"sync"
)

const (
	// maxDepth is how far formulas may refer to formulas.
	maxDepth = 20
	// maxSteps is how many cells one formula may look at, directly or not.
	maxSteps = 200_000
)

var formulaForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^=(?:(SUM|AVERAGE|COUNT|MIN|MAX)\(([A-Z0-9:]+)\)|([A-Z]+\d+))$`)
})

// The values of formulas that have no other.
const (
	errCycle   = "#REF!"
	errDivide  = "#DIV/0!"
	errUnknown = "#NAME?"
)

// Value is what a cell shows: its value, or what its formula results in. Formulas are
// a reference to a cell, or SUM, AVERAGE, COUNT, MIN or MAX of one range; the value of
// others is "#NAME?".
func (s *Sheet) Value(c Cell) any {
	steps := 0
	return s.value(c, 0, &steps)
}

func (s *Sheet) value(c Cell, depth int, steps *int) any {
	if c.Formula == "" {
		return c.Value
	}
	m := formulaForm().FindStringSubmatch(c.Formula)
	if m == nil {
		return errUnknown
	}
	if depth == maxDepth || *steps > maxSteps {
		return errCycle
	}
	r, err := ParseRange(m[2] + m[3])
	if err != nil {
		return errUnknown
	}
	if m[1] == "" {
		return s.value(s.Cell(r.Row, r.Column), depth+1, steps)
	}
	cells, err := s.Cells(r)
	if err != nil {
		return errCycle
	}
	*steps += r.Rows() * r.Columns()
	var numbers []float64
	for _, row := range cells {
		for _, cell := range row {
			switch v := s.value(cell, depth+1, steps).(type) {
			case float64:
				numbers = append(numbers, v)
			case string:
				if v == errCycle {
					return errCycle
				}
			}
		}
	}
	return aggregate(m[1], numbers)
}

func aggregate(name string, numbers []float64) any {
	sum := 0.0
	for _, n := range numbers {
		sum += n
	}
	count := float64(len(numbers))
	switch {
	case name == "SUM":
		return sum
	case name == "COUNT":
		return count
	case name == "AVERAGE" && count == 0:
		return errDivide
	case name == "AVERAGE":
		return sum / count
	case count == 0:
		return 0.0
	case name == "MIN":
		return slices.Min(numbers)
	default:
		return slices.Max(numbers)
	}
}
