# SPDX-License-Identifier: Apache-2.0
"""For each alert: what it fires on and what it is silent on, as promtool's own tests."""

import json
import re

RULES = "deploy/prometheus/alerts.yaml"
I = 'instance="n1"'


def counter(name, labels, steps):
    return {f"{name}{{{I}{labels}}}": steps}


FLAT = "5x20"
GROWS = "0+1x20"


def either(name, labels="", fires=GROWS, silent=FLAT):
    """One series, that differs in its values alone: silence is not that of a name nobody has."""
    return counter(name, labels, fires), counter(name, labels, silent)


# Alert: (series it fires on, ..., series it is silent on), a value a minute; judged at the end of 20 minutes.
CASES = {
    "KeelwatchDown": ({f'up{{job="keelwatch",{I}}}': "0x20"}, {f'up{{job="keelwatch",{I}}}': "1x20", 'up{job="x"}': "0x20"}),
    "KeelwatchStalled": either("keelwatch_snapshot_age_seconds", fires="0+60x20", silent="1x20"),
    "KeelwatchNotWatching": either("keelwatch_watching", fires="0x20", silent="1x20"),
    "KeelwatchFeatureMissing": (
        counter("keelwatch_feature_loaded", ',feature="open",way="none"', "0x20"),
        counter("keelwatch_feature_loaded", ',feature="open",way="fexit"', "1x20"),
    ),
    "KeelwatchEventsLost": either("keelwatch_events_lost_total", ',class="file",reason="ring_full"'),
    "KeelwatchContainerFloods": either("keelwatch_events_held_back_total", ',class="file"'),
    "KeelwatchRingFilling": (
        {**counter("keelwatch_ring_used_bytes", "", "60x20"), **counter("keelwatch_ring_size_bytes", "", "100x20")},
        {**counter("keelwatch_ring_used_bytes", "", "40x20"), **counter("keelwatch_ring_size_bytes", "", "100x20")},
    ),
    "KeelwatchLate": (
        {
            **counter("keelwatch_event_lateness_seconds_bucket", ',le="1"', "0+1x20"),
            **counter("keelwatch_event_lateness_seconds_bucket", ',le="5"', "0+100x20"),
            **counter("keelwatch_event_lateness_seconds_bucket", ',le="+Inf"', "0+100x20"),
        },
        {
            **counter("keelwatch_event_lateness_seconds_bucket", ',le="1"', "0+100x20"),
            **counter("keelwatch_event_lateness_seconds_bucket", ',le="5"', "0+100x20"),
            **counter("keelwatch_event_lateness_seconds_bucket", ',le="+Inf"', "0+100x20"),
        },
    ),
    "KeelwatchStoreFailing": either("keelwatch_store_failing", fires="1x20", silent="0x20"),
    "KeelwatchRecordsRefused": either("keelwatch_store_records_refused_total"),
    "KeelwatchRecordsDropped": either("keelwatch_store_records_dropped_total"),
    "KeelwatchSinkLagging": either("keelwatch_sink_lag_seconds", ',sink="siem"', fires="0+60x20", silent="30x20"),
    "KeelwatchSinkRefused": either("keelwatch_sink_refused_total", ',sink="siem"'),
    "KeelwatchDeadLettersLost": either("keelwatch_sink_dead_letters_lost_total", ',sink="siem"'),
    "KeelwatchHelpersRestarting": (
        counter("keelwatch_shipper_restarts_total", "", GROWS),
        counter("keelwatch_exporter_restarts_total", "", GROWS),
        # Once is no pattern.
        {
            **counter("keelwatch_shipper_restarts_total", "", "0x10 1x10"),
            **counter("keelwatch_exporter_restarts_total", "", "0x10 1x10"),
        },
    ),
    "KeelwatchSettingsWrong": either("keelwatch_settings_wrong", fires="1x20", silent="0x20"),
    "KeelwatchMemory": (
        {
            **counter("keelwatch_process_resident_memory_bytes", ',process="monitor"', "400000000x20"),
            **counter("keelwatch_process_resident_memory_bytes", ',process="shipper"', "400000000x20"),
        },
        counter("keelwatch_process_resident_memory_bytes", ',process="monitor"', "400000000x20"),
    ),
    "KeelwatchCriticalFinding": (
        counter("keelwatch_findings_total", ',rule="namespace-escape",severity="critical"', GROWS),
        {
            **counter("keelwatch_findings_total", ',rule="namespace-escape",severity="critical"', FLAT),
            **counter("keelwatch_findings_total", ',rule="readonly-write-attempt",severity="warning"', GROWS),
        },
    ),
}


def names():
    with open(RULES) as f:
        return re.findall(r"^ +- alert: (\w+)$", f.read(), re.M)


def test_of(alert, series, fires):
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})',
                "eval_time": "20m",
                "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
            }
        ],
    }


def write_tests(path, rules):
    """YAML, of which JSON is a part."""
    tests = []
    for alert, (*fires, silent) in CASES.items():
        assert fires, f"{alert}: nothing that it fires on"
        tests += [test_of(alert, series, True) for series in fires] + [test_of(alert, silent, False)]
    with open(path, "w") as f:
        json.dump({"rule_files": [rules], "evaluation_interval": "1m", "tests": tests}, f)
