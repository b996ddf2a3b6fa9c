{#- The SHA-256 of an e-mail address as ad platforms take it: in lower case, without blanks around
    it, as 64 hexadecimal digits in lower case. Null for null.
    Argument: expression (SQL of the address). -#}
{% macro hashed_email(expression) -%}
    {{- return(sha256_hex('lower(trim(' ~ expression ~ '))')) -}}
{%- endmacro %}
