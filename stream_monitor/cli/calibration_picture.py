"""The page of a calibration: each subject's ratio over time, with the present and the recommended floors."""

from __future__ import annotations

from stream_monitor.cli.history_charts import RatioChart, Section, counted, page, ratio_chart
from stream_monitor.core.calibrating import Course
from stream_monitor.core.profile.profile import ALL
from stream_monitor.services.calibration import Calibration, floors_by_subject


def render(result: Calibration) -> str:
    """The history in its own order, subjects with the most false alarms first."""
    run = result.as_it_ran
    courses = [course for course in run.courses if course.key[1] == ALL and course.moments]
    counts = {course.key: course.incidents({}) for course in courses}
    loud = sorted((c for c in courses if counts[c.key]), key=lambda c: (-counts[c.key], c.key))
    quiet = sorted({c.subject for c in courses} - {c.subject for c in loud})
    per_week = run.incidents / run.weeks
    lead = (
        f"{counted(run.windows, 'window')} in {run.weeks:.1f} weeks: {per_week:.2f} false alarms a week, "
        f"where the budget allows {result.budget:g}.",
        f"Without a false alarm: {', '.join(quiet) or 'none'}.",
    )
    charts = [_chart(course, result, counts[course.key]) for course in loud]
    text = "How far each is on its way to drift, the largest of its references and aspects."
    sections = [Section("False alarms over the history", text, ratios=charts)] if charts else []
    title = f"Calibration of {result.model}"
    return page(title, lead, sections, ("present floors", "recommended floors", ""))


def _chart(course: Course, result: Calibration, count: int) -> RatioChart:
    floors = floors_by_subject(result.advice).get(course.subject, {})
    said = ", ".join(f"{key} {value:g}" for key, value in floors.items()) or "floors stay"
    before = {m.window: m.ratio({}) for m in course.moments if m.is_judged}
    after = {m.window: m.ratio(floors) for m in course.moments if m.is_judged}
    left = course.incidents(floors)
    caption = f"windows of {course.size.name}: {counted(count, 'incident')}, then {left} ({said})"
    return ratio_chart(course.subject, caption, course.size.timezone, before, after)
