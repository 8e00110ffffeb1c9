package registryapi

import (
	"bytes"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/registryapp/catalogue"
	"github.com/signalbox-hq/signalbox/domain/registry"
)

// targetGroup is one target of Prometheus' HTTP service discovery, as its
// documentation has it ("HTTP SD").
type targetGroup struct {
	Targets []string          `json:"targets" nullable:"false"`
	Labels  map[string]string `json:"labels"`
}

func (a *API) prometheusTargets(c *gin.Context, in *rest.Input) {
	ready, err := readReady(in.Query("ready"))
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	views, err := a.registry.Everything(
		rest.CallerOf(c.Request.Context()), in.Query("environment"), in.Query("service"))
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	a.setModeHeader(c, slices.ContainsFunc(views, func(v *catalogue.View) bool { return v.Protected }))
	out, body := a.router.Chunks(c), []byte{'['}
	for _, v := range views {
		body = appendTargets(body, v, ready, &out)
	}
	out.End(append(bytes.TrimSuffix(body, []byte{','}), ']'))
}

// appendTargets writes the targets of a service, each with a comma after it. What is
// much is sent on the way, but for the last one.
func appendTargets(to []byte, v *catalogue.View, ready bool, out *rest.Chunks) []byte {
	for _, i := range v.Instances {
		port := i.Address.Port("metrics")
		if port == 0 || ready && !i.Selectable() {
			continue
		}
		group, err := json.Marshal(targetGroup{
			Targets: []string{net.JoinHostPort(i.Address.HostName(), strconv.Itoa(port))},
			Labels:  labelsOf(v.Service.Name.String(), i),
		}, json.Deterministic(true))
		if err != nil {
			continue // texts that are UTF-8 always encode
		}
		to = append(append(out.Spill(to), group...), ',')
	}
	return to
}

const metaLabel = "__meta_signalbox_"

// labelsOf returns the labels of an instance. Metadata whose names come to the
// same label have the value of the last by name.
func labelsOf(service string, i *registry.Instance) map[string]string {
	labels := map[string]string{
		metaLabel + "service":     service,
		metaLabel + "environment": i.Environment.String(),
		metaLabel + "zone":        i.Zone,
		metaLabel + "version":     i.Version,
		metaLabel + "instance_id": i.ID.String(),
		metaLabel + "status":      i.Observed().String(),
		metaLabel + "weight":      strconv.Itoa(i.Weight),
		metaLabel + "tags":        tagsLabel(i.Tags),
	}
	members := i.Metadata.Members()
	for _, name := range slices.Sorted(maps.Keys(members)) {
		labels[metaLabel+"meta_"+labelName(name)] = members[name]
	}
	if path := i.Metadata.MetricsPath(); path != "" {
		labels["__metrics_path__"] = path
	}
	if scheme := i.Metadata.MetricsScheme(); scheme != "" {
		labels["__scheme__"] = scheme
	} else if i.Address.Secure() {
		labels["__scheme__"] = "https"
	}
	return labels
}

// tagsLabel joins tags with commas, also around them, so that ",a," finds the tag a. A
// comma or a backslash in a tag has a backslash before it.
func tagsLabel(tags []string) string {
	if len(tags) == 0 {
		return ""
	}
	escape := strings.NewReplacer(`\`, `\\`, ",", `\,`)
	escaped := make([]string, len(tags))
	for i, tag := range tags {
		escaped[i] = escape.Replace(tag)
	}
	return "," + strings.Join(escaped, ",") + ","
}

// labelName turns every character that no label may hold into an underscore.
func labelName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_':
			return r
		}
		return '_'
	}, name)
}
