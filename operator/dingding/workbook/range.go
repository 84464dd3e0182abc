package workbook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/workbook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
	"github.com/dingdag/dingdag/yamlvalue"
)

// GetRangeData reads a range of cells.
//
// The result has range_data: a mapping with what select asks for, each a list of rows,
// each a list of cells: values (text, number, boolean or null; a formula has its result),
// formulas (text, empty where there is none), displayValues (text as people see it),
// backgroundColors (mappings with red, green, blue and hexString), fontSizes,
// fontWeights, horizontalAlignments, verticalAlignments, hyperlinks and complexValues.
//
// DingTalk docs: https://open.dingtalk.com/document/development/get-cell-properties
type GetRangeData struct {
	sheet
	area

	// Select lists what to read. Responses get large, so ask only for what is needed.
	Select []string `yaml:"select" param:"commas,default=values|formulas|displayValues"`

	appcall.App
}

// GetRangeDataResult is the result of [GetRangeData].
type GetRangeDataResult struct {
	RangeData *workbook.RangeData `json:"range_data"`
}

// Validate checks ids and range.
func (o *GetRangeData) Validate() error {
	var c checks
	o.sheet.check(&c)
	o.area.check(&c)
	return c.Err()
}

// Execute reads the cells and returns a [GetRangeDataResult].
func (o *GetRangeData) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return runOn(ctx, tc, o, func(ctx context.Context, a *hook.App, s workbook.Sheet) (*GetRangeDataResult, error) {
		at, _ := o.area.check(&checks{}) // Validate has found no mistakes
		data, err := workbook.GetRange(ctx, a, s, at, o.Select...)
		return &GetRangeDataResult{data}, err
	})
}

// UpdateRangeData writes values or formats into a range of cells. What is not given is left
// unchanged. More than 30000 cells are written in several calls.
//
// The result has update_result: a mapping with a1Notation (text, the range).
//
// DingTalk docs: https://open.dingtalk.com/document/development/update-cell-properties
type UpdateRangeData struct {
	sheet
	area

	// Values are the rows, each a list of cells, exactly as many as the range has; or their
	// JSON text, which templates make with the filter tojson. Cells are text, numbers, true,
	// false or null, which empties them. A text that begins with "=" is a formula, and one
	// that reads as a number becomes one unless number_format is "@".
	Values any `yaml:"values" param:"template"`
	// NumberFormat is the number format of all cells, such as General, "@" for text,
	// "#,##0.00", 0% or yyyy/m/d.
	NumberFormat string `yaml:"number_format" param:"template"`
	// WordWrap is what happens to text that is wider than its cell, for all cells.
	WordWrap string `yaml:"word_wrap" param:"enum=overflow|clip|autoWrap"`
	// BackgroundColors are rows of colours such as "#ffcc00", one for each cell.
	BackgroundColors [][]string `yaml:"background_colors"`
	// FontColors are rows of colours such as "#333333", one for each cell.
	FontColors [][]string `yaml:"font_colors"`
	// FontSizes are rows of sizes, one for each cell.
	FontSizes [][]int `yaml:"font_sizes" param:"min=1"`
	// FontWeights are rows of bold or normal, one for each cell.
	FontWeights [][]string `yaml:"font_weights" param:"enum=bold|normal"`
	// HorizontalAlignments are rows of left, center, right or general, one for each cell.
	HorizontalAlignments [][]string `yaml:"horizontal_alignments" param:"enum=left|center|right|general"`
	// VerticalAlignments are rows of top, middle or bottom, one for each cell.
	VerticalAlignments [][]string `yaml:"vertical_alignments" param:"enum=top|middle|bottom"`
	// Hyperlinks are rows of links, one for each cell: mappings with type (path for an
	// address of the web, sheet for the name of a worksheet, range for cells such as
	// Sheet2!A4), link and text, or {} for a cell without.
	Hyperlinks [][]map[string]string `yaml:"hyperlinks" param:"template"`

	appcall.App
}

// UpdateRangeDataResult is the result of [UpdateRangeData].
type UpdateRangeDataResult struct {
	UpdateResult workbook.RangeRef `json:"update_result"`
}

// Validate checks ids and range, and that all rows have its shape.
func (o *UpdateRangeData) Validate() error {
	var c checks
	o.check(&c)
	return c.Err()
}

// check returns what to write, and where.
func (o *UpdateRangeData) check(c *checks) (workbook.CellRange, workbook.RangeUpdate) {
	o.sheet.check(c)
	at, known := o.area.check(c)
	u := workbook.RangeUpdate{
		BackgroundColors: o.BackgroundColors, FontColors: o.FontColors, FontSizes: o.FontSizes, FontWeights: o.FontWeights,
		HorizontalAlignments: o.HorizontalAlignments, VerticalAlignments: o.VerticalAlignments,
		NumberFormat: o.NumberFormat, WordWrap: o.WordWrap,
	}
	if o.Values != nil {
		u.Values = c.cells("values", o.Values)
	}
	fits(c, "values", at, known, u.Values)
	fits(c, "background_colors", at, known, o.BackgroundColors)
	fits(c, "font_colors", at, known, o.FontColors)
	fits(c, "font_sizes", at, known, o.FontSizes)
	fits(c, "font_weights", at, known, o.FontWeights)
	fits(c, "horizontal_alignments", at, known, o.HorizontalAlignments)
	fits(c, "vertical_alignments", at, known, o.VerticalAlignments)
	fits(c, "hyperlinks", at, known, o.Hyperlinks)
	u.Hyperlinks = hyperlinks(c, o.Hyperlinks)
	if o.isEmpty() {
		c.Add("values", errors.New("is missing: give it or a format"))
	}
	return at, u
}

func (o *UpdateRangeData) isEmpty() bool {
	return o.Values == nil && o.NumberFormat == "" && o.WordWrap == "" && o.BackgroundColors == nil && o.FontColors == nil &&
		o.FontSizes == nil && o.FontWeights == nil && o.HorizontalAlignments == nil && o.VerticalAlignments == nil && o.Hyperlinks == nil
}

// hyperlinks reads the links of cells.
func hyperlinks(c *checks, rows [][]map[string]string) [][]*workbook.Hyperlink {
	var out [][]*workbook.Hyperlink
	for i, row := range rows {
		links := make([]*workbook.Hyperlink, len(row))
		for j, fields := range row {
			if len(fields) == 0 {
				continue
			}
			link, err := hyperlink(fields)
			if err != nil {
				c.Add("hyperlinks", fmt.Errorf("row %d, cell %d: %w", i+1, j+1, err))
			}
			links[j] = link
		}
		out = append(out, links)
	}
	return out
}

func hyperlink(fields map[string]string) (*workbook.Hyperlink, error) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains([]string{"type", "link", "text"}, name) {
			return nil, fmt.Errorf("a link has type, link and text, not %s", name)
		}
	}
	link := &workbook.Hyperlink{Type: fields["type"], Link: fields["link"], Text: fields["text"]}
	switch {
	case !yamlvalue.HoldsTemplate(link.Type) && !slices.Contains([]string{"path", "sheet", "range"}, link.Type):
		return nil, fmt.Errorf("type must be path, sheet or range, not %q", link.Type)
	case link.Link == "":
		return nil, errors.New("link is missing")
	}
	return link, nil
}

// Execute writes the cells and returns an [UpdateRangeDataResult].
func (o *UpdateRangeData) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return runOn(ctx, tc, o, func(ctx context.Context, a *hook.App, s workbook.Sheet) (*UpdateRangeDataResult, error) {
		at, update := o.check(&checks{}) // Validate has found no mistakes
		written, err := workbook.UpdateRange(ctx, a, s, at, update)
		return &UpdateRangeDataResult{workbook.RangeRef{A1Notation: written}}, err
	})
}

// ClearRangeContent clears the contents and the formats of a range of cells.
//
// The result has clear_result: a mapping with a1Notation (text, the range).
//
// DingTalk docs: https://open.dingtalk.com/document/development/clear-all
type ClearRangeContent struct {
	sheet
	area
	appcall.App
}

// ClearResult is the result of operators that clear a range.
type ClearResult struct {
	ClearResult workbook.RangeRef `json:"clear_result"`
}

// Validate checks ids and range.
func (o *ClearRangeContent) Validate() error {
	var c checks
	o.sheet.check(&c)
	o.area.check(&c)
	return c.Err()
}

// Execute clears the cells and returns a [ClearResult].
func (o *ClearRangeContent) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return runOn(ctx, tc, o, func(ctx context.Context, a *hook.App, s workbook.Sheet) (*ClearResult, error) {
		at, _ := o.area.check(&checks{}) // Validate has found no mistakes
		cleared, err := workbook.ClearRange(ctx, a, s, at)
		return &ClearResult{workbook.RangeRef{A1Notation: cleared}}, err
	})
}

// ClearRangeData clears the contents of a range of cells and keeps their formats.
//
// The result has clear_result: a mapping with a1Notation (text, the range).
//
// DingTalk docs: https://open.dingtalk.com/document/development/clear-cell-data
type ClearRangeData struct {
	sheet
	area
	appcall.App
}

// Validate checks ids and range.
func (o *ClearRangeData) Validate() error {
	var c checks
	o.sheet.check(&c)
	o.area.check(&c)
	return c.Err()
}

// Execute clears the cells and returns a [ClearResult].
func (o *ClearRangeData) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return runOn(ctx, tc, o, func(ctx context.Context, a *hook.App, s workbook.Sheet) (*ClearResult, error) {
		at, _ := o.area.check(&checks{}) // Validate has found no mistakes
		cleared, err := workbook.ClearRangeData(ctx, a, s, at)
		return &ClearResult{workbook.RangeRef{A1Notation: cleared}}, err
	})
}

func rangeSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[GetRangeData](p, "dingtalk_get_range_data", operator.Example("Four cells", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
range_address: A1:B2
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[UpdateRangeData](p, "dingtalk_update_range_data", operator.Example("A heading and a row", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
range_address: A1:B2
values:
  - [name, qty]
  - [disk, 3]
operator_id: z21HjQliSzpw0YWCNxmii6u
`), operator.Example("A link in the first cell", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
range_address: A1:B1
hyperlinks:
  - [{type: path, link: "https://example.com/runs/{{ ds }}", text: the run}, {}]
operator_id: z21HjQliSzpw0YWCNxmii6u
`), operator.Example("A bold heading", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
range_address: A1:B1
font_weights: [[bold, bold]]
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[ClearRangeContent](p, "dingtalk_clear_range_content", operator.Example("Four cells", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
range_address: A1:B2
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
		appcall.Define[ClearRangeData](p, "dingtalk_clear_range_data", operator.Example("Four cells", `
workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk
sheet_id: st-8dc3a17-11
range_address: A1:B2
operator_id: z21HjQliSzpw0YWCNxmii6u
`)),
	}
}
