"""Dates, times of day and ages in text."""

from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskline._detectors.ages import age_detector
from maskline._detectors.dates import date_detector, is_numeric_date
from maskline._detectors.resolution import resolve


def found(text, *detectors):
    """Return (entity, the stretch itself) of what is found, settled."""
    column = pa.array([text])
    spans = resolve([detector.detect(column) for detector in detectors])
    return [
        (spans.names[entity], text.encode()[start:end].decode())
        for start, end, entity in zip(
            spans.starts.tolist(), spans.ends.tolist(), spans.entities.tolist(), strict=True
        )
    ]


def dates(text):
    return found(text, date_detector())


def ages(text):
    return [stretch for _, stretch in found(text, age_detector())]


@pytest.mark.parametrize(
    "date",
    [
        "5-20-2021", "5/20/2021", "2021-05-21", "21/5/21", "05.06.20", "21.5.2021", "2021/05/21",
        "May-21", "05-May", "05-May-2020", "10/Oct/2000:13:55:36 -0700",
        "2024-03-15T14:30:00.123456Z", "2024-03-15T14:30:00+02:00", "1997-02-21 14:02:26",
        "5/20/2021 4:30 pm", "Mon, 05 Jan 2020 10:11:12 GMT", "1-2-2020-3-2-2020",
        "5 May 2020", "5th of May", "May 5, 2020", "May 5th", "Sept. 12, 1999", "march 5, 2020",
        "March 2020", "Monday, 5 May", "5. März 1980", "5. MÄRZ 1980", "3 mars", "14 juillet 1789",
        "1er août 2020", "3 de enero de 1990", "3 gennaio 1990", "5 de março de 2020",
        "3 januari 2020", "12 maart 2021", "5. juni 2020", "3. elokuuta 2001", "12 sierpnia 2021",
        "5. ledna 2020", "29 February 2020", "29.02.2000", "Sunday", "mercredi", "miércoles",
        "Mittwoch", "lördag", "lunedì", "14:30", "14:30:15", "5:30 pm", "5 p.m",
    ],
)  # fmt: skip
def test_a_date_is_found_in_a_sentence_and_alone(date):
    assert dates(f"it was so {date} or not") == [("DATE_TIME", date)]
    assert dates(date) == [("DATE_TIME", date)]


@pytest.mark.parametrize(
    "text",
    [
        "31.02.2020", "30/02/2021", "2021-13-45", "29 February 2021", "31 April", "May 32",
        "version 1.2.10", "10.12.3", "1.2.3.2020", "10.0.0.1", "555-123-4567", "1-2-3", "16:9",
        "3:1", "00:11:22:33:44", "25:61", "12.50", "1/2", "2021", "may 5 people", "march 10 miles",
        "he may come", "in 12 days", "Monza", "1-2-2020-3-2", "1/2-2020", "x2021-05-04",
    ],
)  # fmt: skip
def test_what_the_calendar_does_not_have_is_no_date(text):
    assert dates(text) == []


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("since 1999.", "1999"),
        ("It was founded in 2010, I think", "2010"),
        ("between 2010 and; from 2010-2012", "2010-2012"),
        ("im Jahr 1984", "1984"),
        ("depuis 2003", "2003"),
    ],
)
def test_a_year_needs_a_word_before_it(text, year):
    assert dates(text) == [("DATE_TIME", year)]


@pytest.mark.parametrize(
    ("text", "stretch"),
    [
        ("She was born on 2/16/1952. Then", "2/16/1952"),
        ("DOB: 1952-02-16", "1952-02-16"),
        ('"date_of_birth": "16.02.1952"', "16.02.1952"),
        ("Please tell me your date of birth. It's 2/16/1952", "2/16/1952"),
        ("geboren am 5. März 1980 in Bonn", "5. März 1980"),
        ("né le 14 juillet 1989", "14 juillet 1989"),
        ("nacida el 3 de enero de 1990", "3 de enero de 1990"),
    ],
)
def test_a_label_says_that_somebody_was_born(text, stretch):
    assert dates(text) == [("DATE_OF_BIRTH", stretch)]


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_every_day_is_one_in_every_order(day):
    for shape in ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%y", "%Y.%m.%d"):
        assert is_numeric_date(day.strftime(shape).encode())
    for shape in ("%d %B %Y", "%B %d, %Y", "%d-%b-%Y", "%a, %d %b %Y"):
        assert dates(day.strftime(shape)) == [("DATE_TIME", day.strftime(shape))]


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("I'm 42 years old", "42"),
        ("I’m 42, and well", "42"),  # noqa: RUF001 - as people type it
        ("She is 7.", "7"),
        ("he turned 40", "40"),
        ("a 7-year-old boy", "7"),
        ("a 50 year old man", "50"),
        ("a 6 months old baby", "6"),
        ("aged 7", "7"),
        ("at the age of 81", "81"),
        ('"age": 17', "17"),
        ("Age: 17", "17"),
        ("80 y/o male", "80"),
        ("eine 42-jährige Frau", "42"),
        ("ist 42 Jahre alt", "42"),
        ("im Alter von 12", "12"),
        ("un homme de 42 ans", "42"),
        ("âgée de 42 ans", "42"),
        ("tiene 42 años", "42"),
        ("ho 30 anni", "30"),
        ("tem 30 anos", "30"),
        ("is 30 jaar oud", "30"),
        ("är 30 år gammal", "30"),
        ("on 30-vuotias", "30"),
        ("mam 30 lat", "30"),
    ],
)
def test_the_number_alone_is_an_age(text, age):
    assert ages(text) == [age]


@pytest.mark.parametrize(
    "text",
    [
        "I'm 100% sure", "he's 20 minutes late", "he is 6'2", "I am 42.5 miles away", "aged 200",
        "page 42", "stage 3", "5 years of experience", "10 ans d'expérience", "seit 5 Jahren",
        "manage 5", "she is 5 feet tall", "turn 0", "age 18-25", "average 42",
    ],
)  # fmt: skip
def test_what_counts_something_else_is_no_age(text):
    assert ages(text) == []
