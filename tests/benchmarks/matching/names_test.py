"""Names for measuring only; nobody tunes on them, and none of them stands in `names_train`. Frozen, see ERROR_MODEL.md.

Notation: see `scripts` and `names_train`.
"""
# ruff: noqa: RUF001 -- names in Cyrillic and with the dotless i

from typing import Final

from tests.benchmarks.matching.pools import Pool, pool

TEST: Final[dict[str, Pool]] = {
    "arabic": pool(
        "amIna@ KadIja@ saHar hiba@ rahaf Sahd bayAn munA nisrIn jamIla@ wafA' sawsan dAlyA nAdyA su3Ad hAla@",
        "mucvaf@ 3abbAs jamAl salIm zEd 3uTmAn HamId ra'fat 3imAd bilAl Hamza@ ziyAd 3abd+qAdir ayman wA'il SAdI",
        "al-baz al-dul al-Gan al-ruw al-Taq Sar jaw Has vAh qar zak al-3un al-nuj bay",
        "mI Ad wAn nI rAwI sI Uf Id kI lAn",
    ),
    "kurdish": pool(
        "perwîn şîrîn hêvî newroz bêrîvan gulê xecê delal sozdar narîn çinar zelal",
        "ciwan dilşad hogir jîhat karwan lewend rojhat şêrko xebat zagros bextiyar çeko",
        "şex çel xor guz kel nêr taj zirk",
        "anî kar mend ûrî îyan şêr oz",
    ),
    "dari": pool(
        "farzAna@ latifa@ malika@ nAhid ogAy fawziya@ roKSAna@ somaya@ tahmina@ yaldA zarmina@ homA",
        "aKtar bahrAm dAvud firuz haSmat kabir latif mortazA nasrollA qorbAn sAdeq yAsin",
        "rasul sultAn tavak vahid zahir baKt Saf mobin nurz taher",
        "i +zAd@ iAn yAr oni Kel pur zE",
    ),
    "pashto": pool(
        "jarka@ naGma@ paStana@ torpekE vagma@ zarlaSta@ gulmina@ Sabo",
        "bariAlE ajmal KoSal toryAlE zmarE raziollA vafAdAr lemar",
        "tar vard zadr jahAn lEv sak kAk mohm",
        "zE Kel vAl yAni ak any",
    ),
    "persian": pool(
        "bahAr mahtAb setAr@ Sohre@ samAn@ tarAn@ yegAn@ mAndAn@",
        "bAbak dAnyAl humAn kAmrAn kiAn ramin siyAvaS SAhin pEmAn",
        "tavakol hASem bAqer qanbar yaGmA vosuq Sahr zand daneS",
        "i Abadi Ani +zAd@ ifar iKAh inyA ipur",
    ),
    "ukrainian": pool(
        "ольга|ольга людмила|людмила вікторія|виктория анастасія|анастасия лариса|лариса любов|любовь"
        " євгенія|евгения зоя|зоя дарина|дарина яна|яна валентина|валентина параска|прасковья",
        "юрій|юрий максим|максим олексій|алексей роман|роман степан|степан євген|евгений віктор|виктор"
        " григорій|григорий пилип|филипп ярослав|ярослав михайло|михаил тимофій|тимофей",
        "ворон|ворон гриц|гриц зінч|зинч кравц|кравц мельн|мельн пили|пили слоб|слоб щерб|щерб яким|яким шевел|шевел",
        "енко:енко|енко:енко чук:чук|чук:чук ський:ська|ский:ская ко:ко|ко:ко ишин:ишина|ишин:ишина юк:юк|юк:юк"
        " івський:івська|овский:овская",
    ),
    "russian": pool(
        "жанна|жанна инна|инна ксения|ксения маргарита|маргарита нина|нина рита|рита эльвира|эльвира злата|злата",
        "артур|артур виталий|виталий георгий|георгий илья|илья константин|константин руслан|руслан тимур|тимур"
        " федор|федор эдуард|эдуард",
        "вет|вет зим|зим лесн|лесн моро|моро тихон|тихон чист|чист яблон|яблон",
        "ов:ова|ов:ова ин:ина|ин:ина овский:овская|овский:овская ев:ева|ев:ева кин:кина|кин:кина",
    ),
    "turkish": pool(
        "Elif Buket Çiğdem Derya Filiz Gönül İpek Nilgün Pınar Sevgi Tuğba Yıldız",
        "Kemal Orhan Cengiz Çetin Gökhan İlker Onur Uğur Volkan Yılmaz Şükrü Barış",
        "Altın Bey Çak Doğ Güm İnce Kıl Sarı Tür Uz Yeş",
        "oğlu kaya can çelik dağ dere gül ağaç alp bulut soy tepe",
    ),
    "tigrinya": pool(
        "bIsrat elsabet freweyni gIdey qIsanet mIlIte naxInet rahwa saba tIrHas xIge yordanos",
        "aron biniam dawit eyob fIxum gebremedHin hayle musye natnael robel tedros weldu zerIsenay yosyef",
        "araya bokru mengIs tekeste",
        "_",
    ),
    "somali": pool(
        "cambaro deqa fowsiya hibo KaDra rUn saynab sucAd xalImo yurub",
        "baSIr caydId dAhir geDI jAmac kOSin muxyadIn rOble samatar siyAd xirsi",
        "diriye egal jibrIl",
        "_",
    ),
    "west_african": pool(
        "awa JEnabU fanta halimatU nEnE ramatUlayE sira aminata kankU yande",
        "bakari CErno demba idrisa karamoko mUsa sEkU tidyan yaya sulEman",
        "sil tUr yat bar kEt sUm trav nab",
        "dE ara ana ayo ila UbE Uma Ura UndE",
    ),
    "balkan": pool(
        "Blerta Ljiljana Šejla Valbona Đurđa Milica Teuta Biljana",
        "Besnik Đorđe Fatmir Miloš Shkëlqim Srđan Žarko Xhevat",
        "Šab Čol Đur Zej Lek Vuč Ber",
        "ović i aj ić evski anaj",
    ),
    "german": pool(
        "Anke Bärbel Dörte Gisela Jutta Käthe Renate Silke",
        "Björn Detlef Gerd Günther Heinz Jörg Karsten Rüdiger",
        "Ähren Buchen Hüls Kött Moos Rößl Tannen Wiesen",
        "mann meyer bauer berg hoff horst kamp stedt",
    ),
}
