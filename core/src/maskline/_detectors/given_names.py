"""Frequent given names of Europe and the Americas, without accents.

A column in which many values begin with one of these holds people. The list need not be complete:
a quarter of the values is evidence enough, where the values look like names at all.
"""

from typing import Final

from maskline._detectors.naming import vocabulary

__all__ = ["GIVEN_NAMES"]

GIVEN_NAMES: Final = vocabulary("""
    aaron abigail adam adrian agnes agnieszka aidan alan albert alejandra alejandro alessandro
    alessia alex alexander alexandra alexis alfred alice alicia alina alison allison amanda amber
    amelia amelie amy ana anastasia anders andrea andreas andreia andrew andrzej andy angel angela
    angelina anita anja ann anna anne annika anthony antoine anton antonia antonio antony april
    ariana arthur ashley astrid audrey aurelie austin ava axel barbara beata beatrice beatriz ben
    benjamin bernard bernd beth betty bianca bjorn bob bogdan brandon brenda brent brian bridget
    brigitte bruce bruno bryan caleb cameron camila camille carl carla carlo carlos carmen carol
    carolina caroline carolyn catarina catherine cecile cecilia chantal charles charlie charlotte
    chiara chloe chris christian christina christine christoph christopher cindy claire clara
    claude claudia claudio clemens colin connor craig cristian cristina cynthia daan damian damien
    dan daniel daniela daniele danielle dariusz david davide dawn dean debbie deborah denis denise
    dennis diana diane dick diego dieter dirk dmitri dominic dominik dominique donald donna doris
    dorothy douglas duarte dylan edgar edith eduardo edward elaine eleanor elena eleni elias elin
    elisa elisabeth elise eliza elizabeth ella ellen ellie elsa emanuel emil emilia emilie emily
    emma enrique enzo eric erica erik erika erin ernst esther ethan eugene eva evan evelyn ewa
    fabian fabio fatima federico felipe felix fernanda fernando filip finn fiona florence florian
    frances francesca francesco francis francisco franck francois frank franz fred frederic
    frederik fredrik friedrich fritz fynn gabriel gabriela gabriele gareth gary gavin gemma george
    georgia georgina gerald gerard gerd gerhard gertrud gianluca gina giorgio giovanni giulia
    giuseppe glen gloria gonzalo gordon grace graham greg gregor gregory greta grzegorz guido
    guillaume guillermo gunnar gustav guy hana hanna hannah hans harald harold harriet harry hector
    heather heidi heike heinrich heinz helen helena helene helga helmut henri henrik henrique henry
    herbert hermann holger holly howard hugh hugo ian ida ignacio igor ilona ilse ines inga inge
    ingrid irene irina iris isaac isabel isabella isabelle ivan jack jackson jacob jacqueline
    jacques jaime jake jakob jakub james jamie jan jana jane janet janice jason javier jean
    jeff jeffrey jennifer jens jeremy jerome jerry jesse jessica jesus jill jim jimmy joachim joan
    joana joanna joanne joao joaquin joe joel johan johann johanna johannes john johnny jon jonas
    jonathan jordan jorg jorge jose josef joseph josephine joshua joyce juan judith judy julia
    julian juliana julie julien juliette julio justin justyna kaitlyn kara karen karin karl
    karolina kate katarina katarzyna kate katharina katherine kathleen kathryn kathy katie katja
    katrin kayla keith kelly ken kenneth kerstin kevin kieran kim kimberly klara klaus konrad
    konstantin kristen kristian kristin kristina krzysztof kurt kyle lara larry lars laszlo laura
    lauren laurence laurent lea leah lena leo leon leonard leonardo leonie leonor leopold lewis liam
    lidia lily linda lindsay lindsey lionel lisa liz logan lorena lorenzo louis louisa louise luc
    luca lucas lucia lucie lucy ludwig luigi luis luisa luka lukas lukasz luke lydia lynn
    maciej mackenzie madeleine madison madalena magdalena maja malcolm malgorzata manfred manon
    manuel manuela marc marcel marcin marco marcos marcus margaret margarida maria marian mariana
    marianne marie marija marina mario marion marius mariusz mark markus marlene marta martha
    martin martina mary mason massimo mateo mateusz mathias mathieu mathilde matt matteo matthew
    matthias matthieu maurice max maximilian maya megan mehmet mel melanie melissa mercedes
    mia michael michaela michal michel michele michelle miguel mike mikhail mila milan
    mohamed mohammed monica monika morgan moritz muhammad nadia nadine nancy natalia natalie
    natasha nathan nathalie neil niamh nicholas nick nicola nicolas nicole nigel nikolai nikolaus
    nils nina noah noel nora norbert norman nuno oliver olivia olivier olga oscar oskar otto owen
    pablo paolo pascal patrice patricia patrick patrik paul paula paulina pauline paulo pavel pawel
    pedro peggy penelope per peter petra petr phil philip philipp philippe pia pierre piotr rachel
    rafael rainer ralf ralph ramon raquel raul ray raymond rebecca regina reinhard rene renate
    ricardo riccardo richard rick rita rob robert roberta roberto robin rodrigo roger roland rolf
    roman ron ronald rosa rose rosemary ross roxanne ruben rudolf rui russell ruth ryan sabine
    sabrina salma sally salvador sam samantha samuel sandra sandrine santiago sara sarah sascha
    scott sean sebastian serge sergei sergio shannon sharon shaun sheila shirley sigrid silke silvia
    simon simone sofia sofie sonia sonja sophia sophie stacey stanislaw stefan stefania stefanie
    stephan stephane stephanie stephen steve steven stuart sue susan susana susanne suzanne sven
    svetlana sylvia sylvie tamara tania tanja tara tatiana terence teresa terry thomas theo
    theodore theresa therese thierry thomas thorsten tiago tiffany tim timo timothy tina tobias todd
    tom tomas tomasz tommy tony torsten tracy trevor tristan tyler udo ulrich ulrike ursula uwe
    valentin valentina valeria valerie vanessa vera veronica veronika vicente vicky victor victoria
    viktor vincent vincenzo viola virginia vladimir walter wanda warren wayne wendy werner wilhelm
    will william wojciech wolfgang xavier yannick yasmin ying yolanda yuri yves yvonne zachary
    zofia zoe zuzana
    hazel sasha kyle ahmed ali aisha omar ibrahim yusuf hassan wei li ming chen yuki hiroshi akira
    kenji raj priya rahul anil sunil sanjay arjun ravi deepak amit pooja neha
    """)
