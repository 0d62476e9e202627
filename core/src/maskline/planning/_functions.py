"""The functions that a query may call: pure ones, which read nothing but their arguments.

A function that is not here is refused by name. Whether a function may be applied to a masked
column is not decided here: none may, but for those that `_expressions` proves harmless. This
module knows sqlglot's names of functions and nothing else.
"""

# ruff: noqa: SIM905 - long lists of words read best as text

from typing import Final

__all__ = ["ANONYMOUS", "ANONYMOUS_AGGREGATES", "TYPED"]

# Classes of sqlglot, by name.
TYPED: Final = frozenset(
    """
    Abs Acos Acosh AddMonths And AnyValue ApproxDistinct ApproxQuantile ArgMax ArgMin Array
    ArrayAgg ArrayAppend ArrayConcat ArrayContainedBy ArrayContains ArrayContainsAll ArrayDistinct
    ArrayMax ArrayMin ArrayOverlaps ArrayPosition ArrayPrepend ArrayReverse ArraySize ArraySlice
    ArraySort ArraySum ArrayToString Ascii Asin Asinh Atan Atan2 Atanh Avg Base64Encode BitLength
    BitwiseAndAgg BitwiseCount BitwiseOrAgg BitwiseXorAgg ByteLength Case Cast CastToStrType Cbrt
    Ceil Chr Coalesce Collate Concat ConcatWs Contains Corr Cos Cosh Cot Count CountIf CovarPop
    CovarSamp CumeDist CurrentDate CurrentDatetime CurrentTime CurrentTimestamp Date DateAdd DateBin
    DateDiff DateFromParts DateFromUnixDate DateStrToDate DateSub DateToDateStr DateTrunc Datetime
    DatetimeAdd DatetimeDiff DatetimeSub DatetimeTrunc Day DayOfMonth DayOfWeek DayOfWeekIso
    DayOfYear Dayname Decode Degrees DenseRank Encode EndsWith EqualNull Exists Exp
    ExplodingGenerateSeries Extract Factorial First FirstValue Floor Format GenerateDateArray
    GenerateSeries GenerateTimestampArray Greatest GroupConcat Grouping GroupingId Hex Hour If
    Initcap IsInf IsNan JSONArray JSONArrayAgg JSONArrayContains JSONBContains JSONBExists
    JSONBExtract JSONBExtractScalar JSONBObjectAgg JSONExists JSONExtract JSONExtractArray
    JSONExtractScalar JSONFormat JSONKeys JSONObject JSONObjectAgg JSONType JarowinklerSimilarity
    JustifyDays JustifyHours JustifyInterval Kurtosis Lag Last LastDay LastValue Lead Least Left
    Length Levenshtein List Ln Localtime Localtimestamp Log LogicalAnd LogicalOr Lower LowerHex MD5
    MD5Digest MakeInterval Max Median Min Minute Mode Month Monthname MonthsBetween NthValue Ntile
    Nullif Or Overlay Pad ParseJSON ParseTime PercentRank PercentileCont PercentileDisc Pi
    Pow Quantile Quarter Radians Rank RegexpCount RegexpExtract RegexpExtractAll RegexpFullMatch
    RegexpILike RegexpInstr RegexpLike RegexpReplace RegexpSplit RegrAvgx RegrAvgy RegrCount
    RegrIntercept RegrR2 RegrSlope RegrSxx RegrSxy RegrSyy Repeat Replace Reverse Right Round
    RowNumber SHA SHA1Digest SHA2 SHA2Digest SafeDivide Second Sign Sin Sinh Skewness Soundex Space
    Split SplitPart Sqrt StartsWith Stddev StddevPop StddevSamp StrPosition StrToDate StrToTime
    StrToUnix StringToArray Struct StructExtract Substring Sum Tan Tanh Time TimeAdd TimeDiff
    TimeFromParts TimeStrToDate TimeStrToTime TimeSub TimeToStr TimeToUnix TimeTrunc Timestamp
    TimestampAdd TimestampDiff TimestampFromParts TimestampSub TimestampTrunc ToChar ToNumber
    Translate Trim Trunc TryCast TsOrDsAdd TsOrDsDiff TsOrDsToDate TsOrDsToDateStr
    TsOrDsToDatetime TsOrDsToTime TsOrDsToTimestamp Typeof Unhex Unicode UnixSeconds UnixMillis
    UnixMicros UnixToStr UnixToTime Unnest Upper Variance VariancePop Week WeekOfYear WidthBucket
    Xor Year YearOfWeek YearOfWeekIso
    """.split()
)

_COMMON: Final = frozenset(
    """
    abs bit_length char_length character_length div gcd instr json_array_length json_type
    json_valid lcm log10 log2 lpad ltrim md5 mod octet_length printf rpad rtrim sign total trunc
    """.split()
)

# Names that sqlglot has no class for.
ANONYMOUS: Final = {
    "sqlite": _COMMON
    | frozenset(
        """
        char date datetime hex json json_array json_extract json_group_array json_group_object
        json_object json_quote julianday quote substr time timediff typeof unhex unicode unixepoch
        """.split()
    ),
    "postgres": _COMMON
    | frozenset(
        """
        age array_length array_lower array_ndims array_position array_to_string array_upper
        bool_and bool_or btrim cardinality concat_ws convert_from convert_to date_part every
        isfinite json_agg json_build_array json_build_object json_object_agg
        json_typeof jsonb_agg jsonb_array_length jsonb_build_array jsonb_build_object
        jsonb_extract_path jsonb_extract_path_text jsonb_object_agg jsonb_path_exists
        jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_strip_nulls jsonb_typeof
        make_date make_interval make_time make_timestamp num_nonnulls num_nulls position quote_ident
        quote_literal regexp_match sha224 sha256 sha384 sha512 scale starts_with string_to_array
        strpos to_char to_date to_hex to_json to_jsonb to_number to_timestamp trim_scale
        """.split()
    ),
    "duckdb": _COMMON
    | frozenset(
        """
        age array_extract array_has array_length bar bool_and bool_or century date_part date_sub
        datepart datesub dayname decade editdist3 entropy epoch epoch_ms epoch_ns epoch_us era favg
        format fsum hamming hash histogram isfinite isodow isoyear json json_array json_extract
        json_extract_string json_group_array json_group_object json_keys json_object json_structure
        julian kahan_sum last_day len list_concat list_contains list_distinct list_extract
        list_has_all list_has_any list_position list_reverse list_slice list_sort list_sum
        list_unique list_value mad make_date make_time make_timestamp map millennium millisecond
        monthname nfc_normalize prefix product quantile_cont quantile_disc regexp_matches sem
        sha256 strip_accents strlen strptime struct_extract suffix sumkahan time_bucket to_base64
        to_days to_hours to_minutes to_months to_seconds to_years try_strptime week weekday
        weekofyear yearweek
        """.split()
    ),
}

ANONYMOUS_AGGREGATES: Final = frozenset(
    """
    bool_and bool_or entropy every favg fsum histogram json_agg json_group_array json_group_object
    json_object_agg jsonb_agg jsonb_object_agg kahan_sum mad product quantile_cont quantile_disc
    sem sumkahan total
    """.split()
)
